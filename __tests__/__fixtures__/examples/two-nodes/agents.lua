-- Rendered by mirador-stack. Tells when a queue of an agent is nearly full.
local AGENTS = {
  { name = "vmagent", url = "http://vmagent:8429/metrics", limit = 484127539 },
  { name = "vlagent", url = "http://vlagent:9429/metrics", limit = 484127539 },
}

local full = {}
-- Bytes that wait, by agent and place of the group, and when it told them; the program that chooses a group reads both.
mirador_pending, mirador_told = {}, {}

local function watch(agent)
  local answer = core.httpclient():get({ url = agent.url, timeout = 2000 })
  if not (answer and answer.status == 200 and answer.body) then return end
  local most, pending = 0, {}
  for labels, bytes in string.gmatch(answer.body, "\nv%a+_remotewrite_pending_data_bytes(%b{}) (%S+)") do
    local place, size = tonumber(string.match(labels, 'url="(%d+):')), tonumber(bytes) or 0
    if place then pending[place] = size end
    most = math.max(most, size)
  end
  mirador_pending[agent.name], mirador_told[agent.name] = pending, core.now().sec
  if (most >= agent.limit) ~= (full[agent.name] or false) then
    full[agent.name] = most >= agent.limit
    core.Warning("mirador: a queue of " .. agent.name .. (full[agent.name] and " is full" or " has room again"))
  end
end

for _, agent in ipairs(AGENTS) do
  core.register_task(function()
    while true do
      mirador_try("the queues of " .. agent.name, watch, agent)
      core.msleep(2000)
    end
  end)
end

core.register_fetches("mirador_full", function(_, name) return full[name] and "yes" or "no" end)

