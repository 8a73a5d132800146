set -eu
stop() { echo "mirador: $*" >&2; exit 1; }
if [ -d /inbox ]; then
  trap 'rm -rf /inbox' EXIT
  umask 077
  sed 's#/usr/local/etc/haproxy/#/inbox/#g' /inbox/haproxy.cfg > /tmp/check.cfg
  haproxy -c -f /tmp/check.cfg > /tmp/check.log 2>&1 || { cat /tmp/check.log >&2; stop "HAProxy refuses the new configuration; the running one stays"; }
  rm -f /usr/local/etc/haproxy/.haproxy.cfg; cp /inbox/haproxy.cfg /usr/local/etc/haproxy/.haproxy.cfg
  chmod 0400 /usr/local/etc/haproxy/.haproxy.cfg
  chown 99:99 /usr/local/etc/haproxy/.haproxy.cfg
  mv -f /usr/local/etc/haproxy/.haproxy.cfg /usr/local/etc/haproxy/haproxy.cfg
  rm -f /usr/local/etc/haproxy/.landing.html; cp /inbox/landing.html /usr/local/etc/haproxy/.landing.html
  chmod 0400 /usr/local/etc/haproxy/.landing.html
  chown 99:99 /usr/local/etc/haproxy/.landing.html
  mv -f /usr/local/etc/haproxy/.landing.html /usr/local/etc/haproxy/landing.html
  rm -rf /inbox
else echo "mirador: started again, with nothing new to put in place"; fi
touch /tmp/done
exec sleep 90
