-- Rendered by mirador-stack. Chooses the storage group that answers a signal.
local FOLDER, NODE, GATEWAY = "/var/lib/haproxy", "node1", "http://gateway:8888/metrics"
local YOUNG_SECONDS = 15
local SIGNALS = {
  { name = "logs", agent = "vlagent", born = "logs.born", keeps = 1209600, groups = {
    { name = "a", answers = "be_logs_a", queue = "otlp_http/store_vl_a", members = { "node1" } },
    { name = "b", answers = "be_logs_b", queue = "otlp_http/store_vl_b", members = { "node2" } },
  } },
  { name = "traces", born = "traces.born", keeps = 604800, groups = {
    { name = "a", answers = "be_traces_a", queue = "otlp_http/store_vt_a", members = { "node1" } },
    { name = "b", answers = "be_traces_b", queue = "otlp_http/store_vt_b", members = { "node2" } },
  } },
}
local PEERS = {
  { name = "node2", url = "http://127.0.0.1:8406/node2" },
}
local STORES = {
  { signal = "logs", url = "http://vlstorage:9491/metrics" },
  { signal = "traces", url = "http://vtstorage:10491/metrics" },
}
-- What a node told last is taken for what it is for so long.
local FRESH_SECONDS = 4
-- A group may lack so many bytes more than the one in use: batches are on their way at any time.
local WAITING_BYTES = 1048576
-- Or so many, if what waits never gets less: nothing is taken at all.
local STUCK_BYTES = 131072
-- For so long, before it is left for the other one: a burst is no backlog.
local LAG_SECONDS = 5
-- Queues are asked for every two seconds; who has not told them for so long is silent.
local SILENT_SECONDS = 7
-- Data that began so much later than the other group's lacks what was before: gateways and agents had not kept it all.
local APART_SECONDS = 3600

-- A choice is firm when it was made with knowledge of every group, or taken from a node that had made one.
local choice, firm, leaving, lagging = {}, {}, {}, {}
local known = { [NODE] = { at = 0, age = {}, waiting = {}, born = {}, firm = {} } }

local function now() return core.now().sec end

local function read(path)
  local handle = io.open(path, "r")
  if handle == nil then return nil end
  local text = handle:read("l")
  handle:close()
  return text
end

local function file(signal) return FOLDER .. "/" .. signal.name .. ".group" end

local function group_of(signal, name)
  for _, group in ipairs(signal.groups) do
    if group.name == name then return group end
  end
  return nil
end

-- Renamed into place: a container that dies in the middle finds the old choice.
local function remember(signal)
  local handle = io.open(file(signal) .. ".new", "w")
  if handle == nil then
    core.Warning("mirador: the choice of " .. signal.name .. " cannot be written to " .. FOLDER)
    return
  end
  handle:write(choice[signal.name], firm[signal.name] and "" or " for now", "\n")
  handle:close()
  os.rename(file(signal) .. ".new", file(signal))
end

local function decide(signal, group, is_firm, why)
  if choice[signal.name] ~= group.name then
    core.Warning("mirador: " .. signal.name .. " are now answered by group " .. group.name .. ": " .. why)
  end
  choice[signal.name], firm[signal.name] = group.name, is_firm
  remember(signal)
end

for _, signal in ipairs(SIGNALS) do
  local name, rest = string.match(read(file(signal)) or "", "^(%w+)(.*)$")
  local group = group_of(signal, name)
  choice[signal.name] = (group or signal.groups[1]).name
  firm[signal.name] = group ~= nil and rest == ""
end

-- A node that was not heard of lately says nothing.
local function heard(node)
  local state = known[node]
  if state == nil or now() - state.at > FRESH_SECONDS then return nil end
  return state
end

-- Nothing when every store of a group is heard of and older than the checks need to see what it lost.
local function unsettled(signal, group)
  for _, member in ipairs(group.members) do
    local state = heard(member)
    if state == nil then return member .. " of group " .. group.name .. " is not heard" end
    -- A store that has never told its age is the checks' business.
    local age = state.age[signal.name]
    if age and age < YOUNG_SECONDS then return "a store of group " .. group.name .. " started a moment ago" end
  end
  return nil
end

-- What a node that is down has still to send, nobody can tell or get.
local function waiting(signal, group)
  local bytes = 0
  for node in pairs(known) do
    local state = heard(node)
    bytes = bytes + (state and state.waiting[signal.name .. " " .. group.name] or 0)
  end
  return bytes
end

local function answers(group) return core.backends[group.answers]:get_srv_act() > 0 end

local function is_leaving(group)
  for _, member in ipairs(group.members) do
    if (leaving[member] or 0) > now() then return true end
  end
  return false
end

-- When the oldest data of a group that anybody told of began; nothing when no member was heard.
local function born(signal, group)
  local oldest
  for _, member in ipairs(group.members) do
    local state = heard(member)
    local at = state and state.born[signal.name]
    if at and (oldest == nil or at < oldest) then oldest = at end
  end
  return oldest
end

-- A group that began empty, when a fleet grew or a disk was lost, until the retention has made both equal.
local function lacks_past(signal, group, other)
  local began, before = born(signal, group), born(signal, other)
  return began ~= nil and before ~= nil and began - before > APART_SECONDS and now() < began + signal.keeps
end

-- Nothing when the other group can take over from one that answers.
local function why_not(signal, current, other)
  if not answers(other) then return "group " .. other.name .. " does not answer" end
  local young = unsettled(signal, other)
  if young then return young end
  if waiting(signal, other) > waiting(signal, current) + WAITING_BYTES then
    return "group " .. other.name .. " has not got everything yet"
  end
  if lacks_past(signal, other, current) then return "the data of group " .. other.name .. " began later" end
  if is_leaving(other) then return "group " .. other.name .. " is leaving too" end
  return nil
end

-- Whether the group in use has lacked much that the other one has for some time: its disk is full, or its nodes are slow.
local function lags(signal, current, other)
  local bytes, last = waiting(signal, current), lagging[signal.name]
  local more = bytes - waiting(signal, other)
  local moves = last ~= nil and bytes < last.bytes
  if more <= STUCK_BYTES or (moves and more <= WAITING_BYTES) then
    lagging[signal.name] = nil
    return false
  end
  lagging[signal.name] = { since = last and last.since or now(), bytes = bytes }
  return now() - lagging[signal.name].since >= LAG_SECONDS
end

local function choose(signal)
  local current = group_of(signal, choice[signal.name])
  for _, other in ipairs(signal.groups) do
    if other ~= current then
      if not answers(current) then
        if answers(other) then decide(signal, other, firm[signal.name], "group " .. current.name .. " does not answer") end
      elseif why_not(signal, current, other) == nil then
        local young = unsettled(signal, current)
        if lacks_past(signal, current, other) then
          decide(signal, other, firm[signal.name], "its data is the older one")
        elseif young then
          decide(signal, other, firm[signal.name], young)
        elseif lags(signal, current, other) then
          decide(signal, other, firm[signal.name], "group " .. current.name .. " has not got everything yet")
        elseif is_leaving(current) then
          decide(signal, other, firm[signal.name], "a node of group " .. current.name .. " is about to leave")
        end
      end
    end
  end
end

-- What most of the others have chosen with knowledge, else the group whose data is older: the other one was empty then.
local function adopt(signal)
  local votes = {}
  for _, peer in ipairs(PEERS) do
    local state = heard(peer.name)
    local name = state and state.firm[signal.name]
    if name then votes[name] = (votes[name] or 0) + 1 end
  end
  local best
  for _, group in ipairs(signal.groups) do
    local count = votes[group.name] or 0
    if count > 0 and (best == nil or count > votes[best.name]) then best = group end
  end
  if best then return decide(signal, best, true, "the other nodes chose it") end
  local current = group_of(signal, choice[signal.name])
  local oldest = current
  for _, group in ipairs(signal.groups) do
    if born(signal, group) == nil then return end
    if lacks_past(signal, oldest, group) then oldest = group end
  end
  if answers(oldest) then decide(signal, oldest, true, "its data is the older one") end
end

local function get(url)
  local answer = core.httpclient():get({ url = url, timeout = 2000 })
  return answer and answer.status == 200 and answer.body or nil
end

-- An error stops one round and no more, and is told when it is another one than before.
local errors = {}
function mirador_try(what, work, ...)
  local ok, why = pcall(work, ...)
  if not ok and errors[what] ~= why then core.Warning("mirador: " .. what .. ": " .. tostring(why)) end
  errors[what] = not ok and why or nil
end

local function every(milliseconds, what, work)
  core.register_task(function()
    while true do
      mirador_try(what, work)
      core.msleep(milliseconds)
    end
  end)
end

core.register_task(function()
  -- Checks begin with every server up; the first real answers are in after two rounds.
  core.msleep(3000)
  while true do
    for _, signal in ipairs(SIGNALS) do
      if not firm[signal.name] then mirador_try("the first choice of " .. signal.name, adopt, signal) end
      mirador_try("the choice of " .. signal.name, choose, signal)
    end
    core.msleep(250)
  end
end)

for _, store in ipairs(STORES) do
  every(1000, "the age of " .. store.url, function()
    local age = string.match(get(store.url) or "", "\nvm_app_uptime_seconds ([%d.]+)")
    if age then known[NODE].age[store.signal] = tonumber(age) end
  end)
end

-- Bytes in the gateway's queues, by exporter, when it told them last.
local sizes, sizes_told = {}, nil

every(2000, "the gateway's queues", function()
  local text = get(GATEWAY)
  if text == nil then return end
  sizes, sizes_told = {}, now()
  for labels, value in string.gmatch(text, "\notelcol_exporter_queue_size(%b{}) (%S+)") do
    local exporter = string.match(labels, 'exporter="([^"]*)"')
    if exporter then sizes[exporter] = tonumber(value) end
  end
end)

every(1000, "the own state", function()
  local own = known[NODE]
  own.at = now()
  for _, signal in ipairs(SIGNALS) do
    own.born[signal.name] = tonumber(read(FOLDER .. "/" .. signal.born) or "")
    -- What the agents have still to send, from the program that watches them.
    local pending = mirador_pending[signal.agent] or {}
    for place, group in ipairs(signal.groups) do
      local size = sizes[group.queue]
      own.waiting[signal.name .. " " .. group.name] = size and size + (pending[place] or 0)
    end
  end
end)

-- What waits is as it was told last, and may be more by now.
local function is_silent(told) return told == nil or now() - told > SILENT_SECONDS end

-- One line each: "choice logs a", "firm logs a", "age logs 12.5", "born logs 1700000000", "waiting logs a 4096", "silent logs gateway".
local function state_text()
  local own, lines = known[NODE], {}
  for _, signal in ipairs(SIGNALS) do
    local name = signal.name
    lines[#lines + 1] = "choice " .. name .. " " .. choice[name]
    if firm[name] then lines[#lines + 1] = "firm " .. name .. " " .. choice[name] end
    if own.age[name] then lines[#lines + 1] = "age " .. name .. " " .. own.age[name] end
    if own.born[name] then lines[#lines + 1] = "born " .. name .. " " .. own.born[name] end
    for _, group in ipairs(signal.groups) do
      local bytes = own.waiting[name .. " " .. group.name]
      if bytes then lines[#lines + 1] = "waiting " .. name .. " " .. group.name .. " " .. bytes end
    end
    if is_silent(sizes_told) then lines[#lines + 1] = "silent " .. name .. " gateway" end
    if signal.agent and is_silent(mirador_told[signal.agent]) then
      lines[#lines + 1] = "silent " .. name .. " " .. signal.agent
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function understood(text)
  local state = { at = now(), age = {}, waiting = {}, born = {}, firm = {} }
  for word, name, rest in string.gmatch(text, "(%w+) (%w+) ([^\n]+)") do
    if word == "age" or word == "born" then state[word][name] = tonumber(rest) end
    if word == "firm" then state.firm[name] = rest end
    local group, bytes = string.match(rest, "^(%w+) (%S+)$")
    if word == "waiting" and group then state.waiting[name .. " " .. group] = tonumber(bytes) end
  end
  return state
end

for _, peer in ipairs(PEERS) do
  every(1000, "the state of " .. peer.name, function()
    local text = get(peer.url)
    if text then known[peer.name] = understood(text) end
  end)
end

local function reply(applet, status, text)
  applet:set_status(status)
  applet:add_header("content-type", "text/plain")
  applet:add_header("content-length", tostring(#text))
  applet:start_response()
  applet:send(text)
end

core.register_service("mirador_state", "http", function(applet) reply(applet, 200, state_text()) end)

-- Told that a node will be away for a while, so that queries leave its group before it does and not after.
core.register_service("mirador_leave", "http", function(applet)
  local node, seconds = string.match(applet.qs or "", "^node=([%w-]+)&seconds=(%d+)$")
  if node == nil then return reply(applet, 400, "wanted: node=<name>&seconds=<number>\n") end
  leaving[node] = now() + tonumber(seconds)
  local reasons = {}
  for _, signal in ipairs(SIGNALS) do
    choose(signal)
    local current = group_of(signal, choice[signal.name])
    for _, other in ipairs(signal.groups) do
      -- Queries stay with what the other group has never had: a short gap hides less. None go where nobody answers.
      if is_leaving(current) and answers(current) and other ~= current and not lacks_past(signal, other, current) then
        reasons[#reasons + 1] = signal.name .. ": " .. (why_not(signal, current, other) or "on the way")
      end
    end
  end
  if #reasons == 0 then return reply(applet, 200, "drained\n") end
  reply(applet, 200, "waiting: " .. table.concat(reasons, "; ") .. "\n")
end)

core.register_fetches("mirador_choice", function(_, name) return choice[name] or "none" end)

