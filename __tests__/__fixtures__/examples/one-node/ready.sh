set -eu
stop() { echo "mirador: $*" >&2; exit 1; }
ask() { wget -q -T 3 -O - http://haproxy:8405/$1 2>/dev/null || true; }
tries=0
while live=$(ask config); [ "$live" != 6ef83cde519cb3a1 ]; do
  if [ -n "$live" ] && [ $((tries % 20)) -eq 0 ]; then echo "mirador: reload"; kill -USR2 1; fi
  tries=$((tries + 1)); sleep 0.5
done
sleep 3; seen=0; said=
while [ "$seen" -lt 2 ]; do
  missing=$(ask waiting-for)
  if [ "$missing" = nothing ]; then seen=$((seen + 1)); else seen=0; [ "$missing" = "$said" ] || echo "mirador: waiting for $missing"; said=$missing; fi
  sleep 0.5
done
touch /tmp/done
exec sleep 90
