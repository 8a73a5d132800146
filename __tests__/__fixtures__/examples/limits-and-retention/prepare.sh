(36 lines as usual)
format_is /volumes/0 '/srv/mirador/metrics' metrics-cluster
group_is /volumes/0 '/srv/mirador/metrics' a
members_are /volumes/0 '/srv/mirador/metrics' node1
chown 1000:1000 /volumes/0
group_is /volumes/1 '/srv/mirador/logs' a
members_are /volumes/1 '/srv/mirador/logs' node1
chown 1000:1000 /volumes/1
group_is /volumes/2 'staging_node1-traces-data' a
members_are /volumes/2 'staging_node1-traces-data' node1
chown 1000:1000 /volumes/2
chown 10001:10001 /volumes/3
free=$(($(df -Pk /volumes/3 | tail -n 1 | awk '{ print $4 }') / 1024 + $(du -sk /volumes/3 | cut -f 1) / 1024))
[ "$free" -ge 2304 ] || stop "the disk of" 'staging_node1-queue-data' "has $free MiB for the queues; they need 2304 MiB: free some space, or set queue.size lower"
(2 lines as usual)
