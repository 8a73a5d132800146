(42 lines as usual)
format_is /volumes/0 'mirador_by-ssh-metrics-data' metrics-cluster
group_is /volumes/0 'mirador_by-ssh-metrics-data' a
members_are /volumes/0 'mirador_by-ssh-metrics-data' by-ssh by-context
chown 1000:1000 /volumes/0
group_is /volumes/1 'mirador_by-ssh-logs-data' a
members_are /volumes/1 'mirador_by-ssh-logs-data' by-ssh by-context
chown 1000:1000 /volumes/1
group_is /volumes/2 'mirador_by-ssh-traces-data' a
members_are /volumes/2 'mirador_by-ssh-traces-data' by-ssh by-context
chown 1000:1000 /volumes/2
chown 1000:1000 /volumes/3
chown 1000:1000 /volumes/4
chown 10001:10001 /volumes/5
born /volumes/1 /volumes/6/logs.born
born /volumes/2 /volumes/6/traces.born
chown 99:99 /volumes/6
free=$(($(df -Pk /volumes/3 | tail -n 1 | awk '{ print $4 }') / 1024 + $(du -sk /volumes/3 | cut -f 1) / 1024 + $(du -sk /volumes/4 | cut -f 1) / 1024 + $(du -sk /volumes/5 | cut -f 1) / 1024))
[ "$free" -ge 13316 ] || stop "the disk of" 'mirador_by-ssh-vmagent-data, mirador_by-ssh-vlagent-data, mirador_by-ssh-queue-data' "has $free MiB for the queues; they need 13316 MiB: free some space, or set queue.size lower"
(2 lines as usual)
