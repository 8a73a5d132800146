(44 lines as usual)
members_are /volumes/0 'mirador_node1-metrics-data' node1 node3
chown 1000:1000 /volumes/0
group_is /volumes/1 'mirador_node1-logs-data' a
members_are /volumes/1 'mirador_node1-logs-data' node1 node3
chown 1000:1000 /volumes/1
group_is /volumes/2 'mirador_node1-traces-data' a
members_are /volumes/2 'mirador_node1-traces-data' node1 node3
(11 lines as usual)
