(4 lines as usual)
  { name = "logs", agent = "vlagent", born = "logs.born", keeps = 2419200, groups = {
    { name = "a", answers = "be_logs_a", queue = "otlp_http/store_vl_a", members = { "node1", "node3" } },
    { name = "b", answers = "be_logs_b", queue = "otlp_http/store_vl_b", members = { "node2" } },
  } },
  { name = "traces", born = "traces.born", keeps = 604800, groups = {
    { name = "a", answers = "be_traces_a", queue = "otlp_http/store_vt_a", members = { "node1", "node3" } },
    { name = "b", answers = "be_traces_b", queue = "otlp_http/store_vt_b", members = { "node2" } },
  } },
}
local PEERS = {
  { name = "node2", url = "http://127.0.0.1:8406/node2" },
  { name = "node3", url = "http://127.0.0.1:8406/node3" },
(336 lines as usual)
