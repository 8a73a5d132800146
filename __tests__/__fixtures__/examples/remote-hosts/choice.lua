(1 lines as usual)
local FOLDER, NODE, GATEWAY = "/var/lib/haproxy", "by-ssh", "http://gateway:8888/metrics"
local YOUNG_SECONDS = 15
local SIGNALS = {
  { name = "logs", agent = "vlagent", born = "logs.born", keeps = 1209600, groups = {
    { name = "a", answers = "be_logs_a", queue = "otlp_http/store_vl_a", members = { "by-ssh", "by-context" } },
    { name = "b", answers = "be_logs_b", queue = "otlp_http/store_vl_b", members = { "by-tcp" } },
  } },
  { name = "traces", born = "traces.born", keeps = 604800, groups = {
    { name = "a", answers = "be_traces_a", queue = "otlp_http/store_vt_a", members = { "by-ssh", "by-context" } },
    { name = "b", answers = "be_traces_b", queue = "otlp_http/store_vt_b", members = { "by-tcp" } },
  } },
}
local PEERS = {
  { name = "by-tcp", url = "http://127.0.0.1:8406/by-tcp" },
  { name = "by-context", url = "http://127.0.0.1:8406/by-context" },
(336 lines as usual)
