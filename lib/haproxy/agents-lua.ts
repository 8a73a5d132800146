import { AGENTS, type AgentName, type AgentPlan } from "../victoria/agents";
import { endpointUrl } from "../victoria/endpoints";
import { type Directive, line } from "./section";

/** A queue that is so full takes no more. What arrives before HAProxy has noticed still finds room. */
const FULL_SHARE = 0.9;

/**
 * The program that watches the queues of the own node's agents. An agent whose queue is full drops the oldest and tells
 * nobody, so whoever sends is refused before that, with a status that clients try again.
 */
export function agentsProgram(agents: readonly AgentPlan[]): string {
  const watched = agents.map(({ signal, queueMiB }) => {
    const { service } = AGENTS[signal];
    const limit = Math.floor(queueMiB * 1024 * 1024 * FULL_SHARE);
    return `  { name = "${service}", url = "${endpointUrl(AGENTS[signal], "/metrics")}", limit = ${limit} },`;
  });
  return `-- Rendered by mirador-stack. Tells when a queue of an agent is nearly full.
local AGENTS = {
${watched.join("\n")}
}
${PROGRAM}`;
}

const PROGRAM = `
local full = {}
-- Bytes that wait, by agent and place of the group, and when it told them; the program that chooses a group reads both.
mirador_pending, mirador_told = {}, {}

local function watch(agent)
  local answer = core.httpclient():get({ url = agent.url, timeout = 2000 })
  if not (answer and answer.status == 200 and answer.body) then return end
  local most, pending = 0, {}
  for labels, bytes in string.gmatch(answer.body, "\\nv%a+_remotewrite_pending_data_bytes(%b{}) (%S+)") do
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
`;

/** The end of a rule's condition: the queue of the own node's agent takes no more. */
export function queueIsFull(service: AgentName): Directive {
  return line`{ lua.mirador_full(${service}) -m str yes }`;
}

/** Its opposite. */
export function queueHasRoom(service: AgentName): Directive {
  return line`!{ lua.mirador_full(${service}) -m str yes }`;
}
