(5 lines as usual)
    { name = "a", answers = "be_logs_a", queue = "otlp_http/store_vl_a", members = { "node1", "node3", "node5", "node7", "node9" } },
    { name = "b", answers = "be_logs_b", queue = "otlp_http/store_vl_b", members = { "node2", "node4", "node6", "node8", "node10" } },
  } },
  { name = "traces", born = "traces.born", keeps = 604800, groups = {
    { name = "a", answers = "be_traces_a", queue = "otlp_http/store_vt_a", members = { "node1", "node3", "node5", "node7", "node9" } },
    { name = "b", answers = "be_traces_b", queue = "otlp_http/store_vt_b", members = { "node2", "node4", "node6", "node8", "node10" } },
  } },
}
local PEERS = {
  { name = "node2", url = "http://127.0.0.1:8406/node2" },
  { name = "node3", url = "http://127.0.0.1:8406/node3" },
  { name = "node4", url = "http://127.0.0.1:8406/node4" },
  { name = "node5", url = "http://127.0.0.1:8406/node5" },
  { name = "node6", url = "http://127.0.0.1:8406/node6" },
  { name = "node7", url = "http://127.0.0.1:8406/node7" },
  { name = "node8", url = "http://127.0.0.1:8406/node8" },
  { name = "node9", url = "http://127.0.0.1:8406/node9" },
  { name = "node10", url = "http://127.0.0.1:8406/node10" },
(336 lines as usual)
