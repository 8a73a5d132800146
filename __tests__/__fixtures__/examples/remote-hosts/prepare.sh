set -eu
stop() { echo "mirador: $*" >&2; exit 1; }
if [ -f /volumes/0/.mirador-format ]; then
  [ "$(cat /volumes/0/.mirador-format)" = metrics-cluster ] || stop 'mirador_by-ssh-metrics-data holds data of format' "$(cat /volumes/0/.mirador-format)" 'and this deploy wants metrics-cluster; set the layout back, or export and import the data (README, "Changing the layout")'
elif [ -n "$(ls -A /volumes/0 | grep -vxe lost+found -e .mirador-format.new -e .mirador-group -e .mirador-group.new -e .mirador-members -e .mirador-members.new)" ]; then
  stop 'mirador_by-ssh-metrics-data holds data of an unknown format; if it is metrics-cluster, say so: echo metrics-cluster > mirador_by-ssh-metrics-data/.mirador-format'
else
  echo metrics-cluster > /volumes/0/.mirador-format.new && mv /volumes/0/.mirador-format.new /volumes/0/.mirador-format
fi
if [ -f /volumes/0/.mirador-group ]; then
  [ "$(cat /volumes/0/.mirador-group)" = a ] || stop 'mirador_by-ssh-metrics-data holds data of storage group' "$(cat /volumes/0/.mirador-group)" 'and this fleet puts the node into group a: the place in fleet.nodes is the group, so put the list back as it was'
else
  echo a > /volumes/0/.mirador-group.new
  [ -z "$(ls -A /volumes/0 | grep -vxe lost+found -e .mirador-format -e .mirador-group.new -e .mirador-members -e .mirador-members.new)" ] || touch -d @0 /volumes/0/.mirador-group.new
  mv /volumes/0/.mirador-group.new /volumes/0/.mirador-group
fi
if [ -f /volumes/0/.mirador-members ]; then for node in $(cat /volumes/0/.mirador-members); do
  case ' by-ssh by-context ' in *" $node "*) ;; *) stop "node $node" 'holds a part of the data in mirador_by-ssh-metrics-data, which would be out of sight: put the node back into the fleet, or let its part go (the other storage group has it: mirador repair copies it back): echo by-ssh by-context > mirador_by-ssh-metrics-data/.mirador-members';; esac
done; fi
echo by-ssh by-context > /volumes/0/.mirador-members.new && mv /volumes/0/.mirador-members.new /volumes/0/.mirador-members
chown 1000:1000 /volumes/0
if [ -f /volumes/1/.mirador-group ]; then
  [ "$(cat /volumes/1/.mirador-group)" = a ] || stop 'mirador_by-ssh-logs-data holds data of storage group' "$(cat /volumes/1/.mirador-group)" 'and this fleet puts the node into group a: the place in fleet.nodes is the group, so put the list back as it was'
else
  echo a > /volumes/1/.mirador-group.new
  [ -z "$(ls -A /volumes/1 | grep -vxe lost+found -e .mirador-format -e .mirador-group.new -e .mirador-members -e .mirador-members.new)" ] || touch -d @0 /volumes/1/.mirador-group.new
  mv /volumes/1/.mirador-group.new /volumes/1/.mirador-group
fi
if [ -f /volumes/1/.mirador-members ]; then for node in $(cat /volumes/1/.mirador-members); do
  case ' by-ssh by-context ' in *" $node "*) ;; *) stop "node $node" 'holds a part of the data in mirador_by-ssh-logs-data, which would be out of sight: put the node back into the fleet, or let its part go (the other storage group has it: mirador repair copies it back): echo by-ssh by-context > mirador_by-ssh-logs-data/.mirador-members';; esac
done; fi
echo by-ssh by-context > /volumes/1/.mirador-members.new && mv /volumes/1/.mirador-members.new /volumes/1/.mirador-members
chown 1000:1000 /volumes/1
if [ -f /volumes/2/.mirador-group ]; then
  [ "$(cat /volumes/2/.mirador-group)" = a ] || stop 'mirador_by-ssh-traces-data holds data of storage group' "$(cat /volumes/2/.mirador-group)" 'and this fleet puts the node into group a: the place in fleet.nodes is the group, so put the list back as it was'
else
  echo a > /volumes/2/.mirador-group.new
  [ -z "$(ls -A /volumes/2 | grep -vxe lost+found -e .mirador-format -e .mirador-group.new -e .mirador-members -e .mirador-members.new)" ] || touch -d @0 /volumes/2/.mirador-group.new
  mv /volumes/2/.mirador-group.new /volumes/2/.mirador-group
fi
if [ -f /volumes/2/.mirador-members ]; then for node in $(cat /volumes/2/.mirador-members); do
  case ' by-ssh by-context ' in *" $node "*) ;; *) stop "node $node" 'holds a part of the data in mirador_by-ssh-traces-data, which would be out of sight: put the node back into the fleet, or let its part go (the other storage group has it: mirador repair copies it back): echo by-ssh by-context > mirador_by-ssh-traces-data/.mirador-members';; esac
done; fi
echo by-ssh by-context > /volumes/2/.mirador-members.new && mv /volumes/2/.mirador-members.new /volumes/2/.mirador-members
chown 1000:1000 /volumes/2
chown 1000:1000 /volumes/3
chown 1000:1000 /volumes/4
chown 10001:10001 /volumes/5
[ -f /volumes/6/logs.born ] || [ $(($(date +%s) - $(stat -c %Y /volumes/1/.mirador-group))) -lt 60 ] || touch -d @0 /volumes/1/.mirador-group
stat -c %Y /volumes/1/.mirador-group > /volumes/6/logs.born.new && mv /volumes/6/logs.born.new /volumes/6/logs.born
[ -f /volumes/6/traces.born ] || [ $(($(date +%s) - $(stat -c %Y /volumes/2/.mirador-group))) -lt 60 ] || touch -d @0 /volumes/2/.mirador-group
stat -c %Y /volumes/2/.mirador-group > /volumes/6/traces.born.new && mv /volumes/6/traces.born.new /volumes/6/traces.born
chown 99:99 /volumes/6
free=$(($(df -Pk /volumes/3 | tail -n 1 | awk '{ print $4 }') / 1024 + $(du -sk /volumes/3 | cut -f 1) / 1024 + $(du -sk /volumes/4 | cut -f 1) / 1024 + $(du -sk /volumes/5 | cut -f 1) / 1024))
[ "$free" -ge 13316 ] || stop "the disk of" 'mirador_by-ssh-vmagent-data, mirador_by-ssh-vlagent-data, mirador_by-ssh-queue-data' "has $free MiB for the queues; they need 13316 MiB: free some space, or set queue.size lower"
touch /tmp/done
exec sleep 90
