import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectEngine, engineAddress } from "../../../images/engine";
import { run } from "../../../images/shell";
import { DAEMONS, pidsIn } from "../support/cgroup";
import type { Host } from "../support/host";
import { giveImages } from "../support/host-images";
import { inNamespace } from "../support/network";
import { droppedPackets } from "../support/packet-filter";
import { identityOf } from "../support/processes";
import { datagramArrives, reach } from "../support/reach";
import { Rig } from "../support/rig";
import { rigSpec } from "../support/rig-spec";
import { context, faults, rig } from "../support/shared-rig";
import { say } from "../support/summary";
import { timed, waitFor } from "../support/wait";
import { getFrom, readVolume, smallImage, startWebServer, WEB_PORT } from "../support/web-server";

const [one, two, three] = rig.hosts as readonly [Host, Host, Host];
const WEB = "rig-web";

const urlOf = (host: Host): string => `http://${host.address}:${WEB_PORT}/`;
const webServer = (host: Host) => host.docker.getContainer(WEB);
const answers = (host: Host): Promise<boolean> => reach(urlOf(host)).then(({ text }) => text === host.name);

async function answersAgain(host: Host): Promise<void> {
  await waitFor(`${host.name}: an answer of its web server`, { seconds: 30 }, () => answers(host));
}

describe("the rig", () => {
  let image: string;

  beforeAll(async () => {
    image = await smallImage(context);
    await faults.healAll();
    await Promise.all(rig.hosts.map((host) => host.empty()));
    await Promise.all(rig.hosts.map((host) => startWebServer(host, { image, name: WEB })));
    await Promise.all(rig.hosts.map(answersAgain));
  });

  afterEach(async () => {
    await faults.healAll();
    await Promise.all(rig.hosts.map(answersAgain));
  });

  afterAll(() => Promise.all(rig.hosts.map((host) => host.empty())));

  test("has three engines, each with its own containers, data and cgroups", async () => {
    const infos = await Promise.all(rig.hosts.map((host) => host.docker.info()));
    expect(
      infos.map(({ Containers, DockerRootDir, CgroupDriver }) => [Containers, DockerRootDir, CgroupDriver]),
    ).toEqual(rig.hosts.map(({ spec }) => [1, join(spec.dataFolder, "docker"), "cgroupfs"]));
    for (const host of rig.hosts) {
      const { State } = await webServer(host).inspect();
      expect([...(await host.processes()).keys()]).toContain(State.Pid);
    }
    say("memory of the daemons", `${Math.round((await daemonMemoryMiB()) / 3)} MiB a host, resident`);
  });

  test("publishes on a host's address: the operator, other hosts and the host itself reach it", async () => {
    for (const host of rig.hosts) expect((await reach(urlOf(host))).text).toBe(host.name);
    for (const from of [one, two]) expect(await getFrom(from, image, urlOf(one))).toBe("host1");
  });

  test("leads nowhere else: no host has a route out", async () => {
    for (const { spec } of rig.hosts) {
      expect(await run("nsenter", inNamespace(spec.namespace, "ip", "route", "show", "default"))).toBe("");
    }
  });

  test("kills a process of a container, and Docker starts it again", async () => {
    const before = await webServer(one).inspect();
    await faults.kill(webServer(one));
    const after = await webServer(one).inspect();
    expect(after.State.Pid).not.toBe(before.State.Pid);
    expect(after.RestartCount).toBe(before.RestartCount + 1);
    await answersAgain(one);
  });

  test("stops a container until it is started", async () => {
    await faults.stop(webServer(one));
    await expect(reach(urlOf(one))).rejects.toThrow();
    await faults.start(webServer(one));
    await answersAgain(one);
  });

  test("freezes a container: it takes connections and says nothing, and the others go on", async () => {
    const { State } = await webServer(one).inspect();
    await faults.freeze(one, webServer(one));
    await expect(reach(urlOf(one), 1_500)).rejects.toThrow(/timeout/i);
    expect(await answers(two)).toBe(true);
    expect(await one.docker.ping()).toBeTruthy();
    await faults.thaw(one, webServer(one));
    await answersAgain(one);
    expect((await webServer(one).inspect()).State.Pid).toBe(State.Pid);
  });

  test("crashes a host: nothing of it is left, and after a boot all is as its disk says", async () => {
    const once = await startWebServer(two, { image, name: "rig-once", restart: "no", publish: false });
    const crash = await timed(() => faults.crash(two));
    expect([...(await two.processes())]).toEqual([]);
    expect(await two.leftovers()).toEqual([]);
    await expect(reach(urlOf(two))).rejects.toThrow();
    await expect(getFrom(one, image, urlOf(two))).rejects.toThrow();
    expect(await answers(three)).toBe(true);
    const boot = await timed(() => faults.boot(two));
    const back = await timed(() => answersAgain(two));
    say(
      "crash",
      `${crash.seconds.toFixed(1)} s; boot ${boot.seconds.toFixed(1)} s, its containers ${back.seconds.toFixed(1)} s later`,
    );
    expect((await once.inspect()).State.Running).toBe(false);
    expect(await readVolume(two, image, `${WEB}-data`, "log")).toMatch(/^(start\s+){2,}$/);
    expect(await getFrom(one, image, urlOf(two))).toBe("host2");
    await once.remove({ force: true, v: true });
  });

  test("hangs a host: neither its engine nor its containers answer, and then all of them do", async () => {
    const pids = [...(await two.processes()).keys()];
    await faults.hang(two);
    expect(new Set((await two.processes()).values())).toEqual(new Set(["T"]));
    await expect(reach(urlOf(two), 1_500)).rejects.toThrow(/timeout/i);
    const engine = connectEngine(`unix://${two.spec.socket}`, 1);
    await expect(engine.ping()).rejects.toThrow();
    await faults.resume(two);
    await answersAgain(two);
    expect(await two.docker.ping()).toBeTruthy();
    expect([...(await two.processes()).keys()]).toEqual(expect.arrayContaining(pids));
  });

  test("cuts a host off, and joins it again", async () => {
    await faults.cut(three);
    await expect(reach(urlOf(three))).rejects.toThrow();
    await expect(getFrom(one, image, urlOf(three))).rejects.toThrow();
    // The host itself lives on, and knows nothing of it.
    expect((await webServer(three).inspect()).State.Running).toBe(true);
    expect(await getFrom(three, image, urlOf(three))).toBe("host3");
    await faults.join(three);
    await answersAgain(three);
    expect(await getFrom(one, image, urlOf(three))).toBe("host3");
  });

  test("cuts one direction between two hosts", async () => {
    expect(await datagramArrives(one, two)).toBe(true);
    await faults.cutOneWay(one, two);
    expect(await datagramArrives(one, two)).toBe(false);
    expect(await datagramArrives(two, one)).toBe(true);
    expect(await datagramArrives(three, two)).toBe(true);
    await expect(getFrom(one, image, urlOf(two))).rejects.toThrow();
    // What containers send is cut as well: an answer is sent by one.
    await expect(getFrom(two, image, urlOf(one))).rejects.toThrow();
    expect(await getFrom(three, image, urlOf(two))).toBe("host2");
    await faults.loseNothing(two);
    expect(await datagramArrives(one, two)).toBe(true);
    expect(await getFrom(one, image, urlOf(two))).toBe("host2");
  });

  test("loses packets: connections take longer, and then no longer", async () => {
    // The kernel sends a SYN again after a second.
    const slow = async (): Promise<number> => {
      const all = await Promise.all(Array.from({ length: 20 }, () => reach(urlOf(one), 60_000)));
      return all.filter(({ milliseconds }) => milliseconds > 900).length;
    };
    expect(await slow()).toBe(0);
    await faults.losePackets(one, 30);
    expect(await slow()).toBeGreaterThan(2);
    expect(await droppedPackets(one.spec)).toBeGreaterThan(5);
    await faults.loseNothing(one);
    expect(await slow()).toBe(0);
  });

  test("heals everything at once, whoever did it", async () => {
    await faults.stop(webServer(one));
    await faults.losePackets(one, 50);
    await faults.cutOneWay(one, two);
    await faults.cut(two);
    await faults.hang(two);
    await faults.crash(three);
    const { seconds } = await timed(() => faults.healAll());
    await Promise.all(rig.hosts.map(answersAgain));
    expect(await datagramArrives(one, two)).toBe(true);
    expect(await droppedPackets(one.spec)).toBe(0);
    say("healing of everything", `${seconds.toFixed(1)} s`);
  });
});

describe("another rig beside it", () => {
  const beside = new Rig(rigSpec({ name: "mirador-rog", subnet: 7, hosts: 1 }));
  const [host] = beside.hosts as readonly [Host];
  const owner = join(beside.spec.runFolder, "owner");

  afterAll(async () => {
    await beside.down();
    await rm(beside.spec.dataFolder, { recursive: true, force: true });
  });

  test("leaves nothing when it goes, not even after a run that was killed", async () => {
    const image = await smallImage(context);
    await beside.up();
    await giveImages(connectEngine(engineAddress()), host, [image]);
    await startWebServer(host, { image, name: WEB });
    await answersAgain(host);
    expect(await beside.leftovers()).not.toEqual([]);

    await writeFile(owner, await identityOf(1));
    await expect(beside.up()).rejects.toThrow("process 1 has the rig mirador-rog");
    expect(await answers(host)).toBe(true);

    // A process that is gone: whatever it had made goes first, its images stay.
    await writeFile(owner, "4194305 1");
    const { seconds } = await timed(() => beside.up());
    say("up after a run that was killed", `${seconds.toFixed(1)} s`);
    expect(await host.docker.listContainers({ all: true })).toEqual([]);
    expect((await host.docker.listVolumes()).Volumes ?? []).toEqual([]);
    expect(await giveImages(connectEngine(engineAddress()), host, [image])).toBe(0);

    await startWebServer(host, { image, name: WEB });
    await beside.down();
    expect(await beside.leftovers()).toEqual([]);
  });
});

/** Resident memory of what is not in a container. */
async function daemonMemoryMiB(): Promise<number> {
  const pids = (await Promise.all(rig.hosts.map(({ spec }) => pidsIn(join(spec.cgroup, DAEMONS))))).flat();
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, "utf8").catch(() => "")));
  return texts.reduce((sum, text) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024, 0);
}
