(42 lines as usual)
format_is /volumes/0 '/srv/mirador/metrics' metrics-cluster
group_is /volumes/0 '/srv/mirador/metrics' a
members_are /volumes/0 '/srv/mirador/metrics' node1 node3
chown 1000:1000 /volumes/0
group_is /volumes/1 '/srv/mirador/logs' a
members_are /volumes/1 '/srv/mirador/logs' node1 node3
chown 1000:1000 /volumes/1
group_is /volumes/2 '/srv/mirador/traces' a
members_are /volumes/2 '/srv/mirador/traces' node1 node3
(11 lines as usual)
