(15 lines as usual)
  rm -f /usr/local/etc/haproxy/.tls.pem; cp /inbox/tls.pem /usr/local/etc/haproxy/.tls.pem
  chmod 0400 /usr/local/etc/haproxy/.tls.pem
  chown 99:99 /usr/local/etc/haproxy/.tls.pem
  mv -f /usr/local/etc/haproxy/.tls.pem /usr/local/etc/haproxy/tls.pem
  rm -f /usr/local/etc/haproxy/.tls.pem.key; cp /inbox/tls.pem.key /usr/local/etc/haproxy/.tls.pem.key
  chmod 0400 /usr/local/etc/haproxy/.tls.pem.key
  chown 99:99 /usr/local/etc/haproxy/.tls.pem.key
  mv -f /usr/local/etc/haproxy/.tls.pem.key /usr/local/etc/haproxy/tls.pem.key
(4 lines as usual)
