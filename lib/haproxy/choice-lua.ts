import type { Signal } from "../fleet/definition";
import { type Endpoint, endpointUrl } from "../victoria/endpoints";
import { answersBackend, CHOICE_FOLDER, type StickyRead, settledBackend, YOUNG_SECONDS } from "./reads";

/** The own node's store of a signal, whose age is watched. */
export interface WatchedStore {
  readonly signal: Signal;
  readonly storage: Endpoint;
}

/**
 * The program that HAProxy runs to choose the group that answers a signal.
 *
 * Both groups hold everything, so a choice is kept until the group in use fails; a group that comes back has a backlog,
 * and one whose store was killed has lost its last seconds for good, while it answers 200 from its first second on. Checks
 * alone miss a store that dies and is back within half a second, so every node also tells how long its stores have been
 * up, and a group with a store that just started counts as failed as long as the other one has none.
 *
 * A stick table would do without a program, but forgets its entry with the container, moves only when somebody asks, and
 * cannot tell a store that just started.
 */
export function choiceProgram(reads: readonly StickyRead[], stores: readonly WatchedStore[]): string {
  const signals = reads.map(
    ({ signal, groups }) =>
      `  { name = ${lua(signal)}, groups = {\n${groups
        .map(
          ({ group, members }) =>
            `    { name = ${lua(group)}, answers = ${lua(answersBackend(signal, group))}, settled = ${lua(settledBackend(signal, group))}, storages = ${members.length} },`,
        )
        .join("\n")}\n  } },`,
  );
  const watched = stores.map(
    ({ signal, storage }) => `  { name = ${lua(signal)}, url = ${lua(endpointUrl(storage, "/metrics"))} },`,
  );
  return `-- Rendered by mirador-stack. Chooses the storage group that answers a signal.
local FOLDER = ${lua(CHOICE_FOLDER)}
local YOUNG_SECONDS = ${YOUNG_SECONDS}
local SIGNALS = {
${signals.join("\n")}
}
local STORES = {
${watched.join("\n")}
}

local choice, young = {}, {}

local function file(name) return FOLDER .. "/" .. name .. ".group" end

local function remembered(signal)
  local handle = io.open(file(signal.name), "r")
  if handle == nil then return nil end
  local text = handle:read("l")
  handle:close()
  for _, group in ipairs(signal.groups) do
    if group.name == text then return group.name end
  end
  return nil
end

-- Renamed into place: a container that dies in the middle finds the old choice.
local function remember(name, group)
  local handle = io.open(file(name) .. ".new", "w")
  if handle == nil then
    core.Warning("mirador: the choice of " .. name .. " cannot be written to " .. FOLDER)
    return
  end
  handle:write(group, "\\n")
  handle:close()
  os.rename(file(name) .. ".new", file(name))
end

for _, signal in ipairs(SIGNALS) do choice[signal.name] = remembered(signal) or signal.groups[1].name end

local function servers(backend) return core.backends[backend]:get_srv_act() end

-- A group can be used when a query is answered, and is settled when none of its stores has just started.
local function look(group)
  return { name = group.name, answers = servers(group.answers) > 0, settled = servers(group.settled) >= group.storages }
end

local function choose(signal)
  local current, others = nil, {}
  for _, group in ipairs(signal.groups) do
    local seen = look(group)
    if group.name == choice[signal.name] then current = seen else others[#others + 1] = seen end
  end
  if current == nil or (current.answers and current.settled) then return end
  for _, other in ipairs(others) do
    if other.answers and (other.settled or not current.answers) then
      core.Warning("mirador: " .. signal.name .. " are now answered by group " .. other.name)
      choice[signal.name] = other.name
      remember(signal.name, other.name)
      return
    end
  end
end

core.register_task(function()
  -- Checks begin with every server up; the first real answers are in after two rounds.
  core.msleep(3000)
  while true do
    for _, signal in ipairs(SIGNALS) do choose(signal) end
    core.msleep(250)
  end
end)

local function watch(store)
  local answer = core.httpclient():get({ url = store.url, timeout = 2000 })
  local age = answer and answer.status == 200 and string.match(answer.body or "", "\\nvm_app_uptime_seconds ([%d.]+)")
  -- A store that does not answer is the checks' business.
  if age then young[store.name] = tonumber(age) < YOUNG_SECONDS end
end

for _, store in ipairs(STORES) do
  core.register_task(function()
    while true do
      pcall(watch, store)
      core.msleep(1000)
    end
  end)
end

core.register_fetches("mirador_choice", function(_, name) return choice[name] or "none" end)
core.register_fetches("mirador_settled", function(_, name) return young[name] and "no" or "yes" end)
`;
}

/** A text of Lua; names and URLs of the plan hold nothing that needs more. */
function lua(text: string): string {
  return JSON.stringify(text);
}
