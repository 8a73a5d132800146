(36 lines as usual)
format_is /volumes/0 'mirador_node1-metrics-data' metrics-single
(14 lines as usual)
