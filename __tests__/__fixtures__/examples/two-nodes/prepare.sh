set -eu
stop() { echo "mirador: $*" >&2; exit 1; }
holds_data() { [ -n "$(ls -A "$1" | grep -vxe lost+found -e '\.mirador-.*')" ]; }
keep() { echo "$2" > "$1.new" && mv "$1.new" "$1"; }
format_is() {
  if [ -f "$1/.mirador-format" ]; then
    held=$(cat "$1/.mirador-format")
    [ "$held" = "$3" ] || stop "$2 holds data of format $held and this deploy wants $3; set the layout back, or export and import the data (README, \"Changing the layout\")"
  elif holds_data "$1"; then
    stop "$2 holds data of an unknown format; if it is $3, say so: echo $3 > $2/.mirador-format"
  else
    keep "$1/.mirador-format" "$3"
  fi
}
group_is() {
  if [ -f "$1/.mirador-group" ]; then
    held=$(cat "$1/.mirador-group")
    [ "$held" = "$3" ] || stop "$2 holds data of storage group $held and this fleet puts the node into group $3: the place in fleet.nodes is the group, so put the list back as it was"
  else
    echo "$3" > "$1/.mirador-group.new"
    if holds_data "$1"; then touch -d @0 "$1/.mirador-group.new"; fi
    mv "$1/.mirador-group.new" "$1/.mirador-group"
  fi
}
members_are() {
  folder=$1; volume=$2; shift 2
  if [ -f "$folder/.mirador-members" ]; then
    for node in $(cat "$folder/.mirador-members"); do
      case " $* " in
        *" $node "*) ;;
        *) stop "node $node holds a part of the data in $volume, which would be out of sight: put the node back into the fleet, or let its part go (the other storage group has it: mirador repair copies it back): echo $* > $volume/.mirador-members" ;;
      esac
    done
  fi
  keep "$folder/.mirador-members" "$*"
}
born() {
  if [ ! -f "$2" ] && [ "$(cat "$1/.mirador-group")" = a ] && [ $(($(date +%s) - $(stat -c %Y "$1/.mirador-group"))) -ge 60 ]; then
    touch -d @0 "$1/.mirador-group"
  fi
  keep "$2" "$(stat -c %Y "$1/.mirador-group")"
}
format_is /volumes/0 'mirador_node1-metrics-data' metrics-cluster
group_is /volumes/0 'mirador_node1-metrics-data' a
members_are /volumes/0 'mirador_node1-metrics-data' node1
chown 1000:1000 /volumes/0
group_is /volumes/1 'mirador_node1-logs-data' a
members_are /volumes/1 'mirador_node1-logs-data' node1
chown 1000:1000 /volumes/1
group_is /volumes/2 'mirador_node1-traces-data' a
members_are /volumes/2 'mirador_node1-traces-data' node1
chown 1000:1000 /volumes/2
chown 1000:1000 /volumes/3
chown 1000:1000 /volumes/4
chown 10001:10001 /volumes/5
born /volumes/1 /volumes/6/logs.born
born /volumes/2 /volumes/6/traces.born
chown 99:99 /volumes/6
free=$(($(df -Pk /volumes/3 | tail -n 1 | awk '{ print $4 }') / 1024 + $(du -sk /volumes/3 | cut -f 1) / 1024 + $(du -sk /volumes/4 | cut -f 1) / 1024 + $(du -sk /volumes/5 | cut -f 1) / 1024))
[ "$free" -ge 13316 ] || stop "the disk of" 'mirador_node1-vmagent-data, mirador_node1-vlagent-data, mirador_node1-queue-data' "has $free MiB for the queues; they need 13316 MiB: free some space, or set queue.size lower"
touch /tmp/done
exec sleep 90
