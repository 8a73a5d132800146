set -eu
stop() { echo "mirador: $*" >&2; exit 1; }
sed 's#/usr/local/etc/haproxy/#/inbox/#g' /inbox/haproxy.cfg > /tmp/check.cfg
haproxy -c -f /tmp/check.cfg > /tmp/check.log 2>&1 || { cat /tmp/check.log >&2; stop "HAProxy refuses the new configuration; the running one stays"; }
rm -f /usr/local/etc/haproxy/.haproxy.cfg; cp /inbox/haproxy.cfg /usr/local/etc/haproxy/.haproxy.cfg
chmod 0400 /usr/local/etc/haproxy/.haproxy.cfg
chown 99:99 /usr/local/etc/haproxy/.haproxy.cfg
mv -f /usr/local/etc/haproxy/.haproxy.cfg /usr/local/etc/haproxy/haproxy.cfg
rm -f /usr/local/etc/haproxy/.tls.pem; cp /inbox/tls.pem /usr/local/etc/haproxy/.tls.pem
chmod 0400 /usr/local/etc/haproxy/.tls.pem
chown 99:99 /usr/local/etc/haproxy/.tls.pem
mv -f /usr/local/etc/haproxy/.tls.pem /usr/local/etc/haproxy/tls.pem
rm -f /usr/local/etc/haproxy/.tls.pem.key; cp /inbox/tls.pem.key /usr/local/etc/haproxy/.tls.pem.key
chmod 0400 /usr/local/etc/haproxy/.tls.pem.key
chown 99:99 /usr/local/etc/haproxy/.tls.pem.key
mv -f /usr/local/etc/haproxy/.tls.pem.key /usr/local/etc/haproxy/tls.pem.key
touch /tmp/done
exec sleep 90
