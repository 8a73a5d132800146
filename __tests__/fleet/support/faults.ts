import type { Container } from "dockerode";
import type { Host } from "./host";
import { setCable } from "./network";
import { dropAtRandom, dropFrom, dropNothing } from "./packet-filter";
import { continueAll, stopAll } from "./processes";
import type { Rig } from "./rig";
import { waitFor } from "./wait";

/** Longer than the grace of any container. */
const SHUTDOWN_SECONDS = 180;

/**
 * What goes wrong on purpose. Nothing is remembered here: {@link Faults.healAll} looks at the hosts themselves, so it
 * heals what another test file, or one that broke off, has left.
 */
export class Faults {
  constructor(private readonly rig: Rig) {}

  /**
   * Kills the first process of a container from outside, as a crash or the kernel would; `docker kill` counts as a wish
   * of the operator, and the restart policy would leave the container down. Returns when it runs again.
   */
  public async kill(container: Container): Promise<void> {
    const before = await container.inspect();
    if (before.State.Pid === 0) throw new Error(`${before.Name} does not run, so it cannot be killed`);
    process.kill(before.State.Pid, "SIGKILL");
    // Docker doubles its pause before a restart up to a minute when a container keeps dying young.
    await waitFor(`${before.Name}: a new process after kill -9`, { seconds: 90 }, async () => {
      const { State } = await container.inspect();
      return State.Running && State.Pid !== 0 && State.Pid !== before.State.Pid;
    });
  }

  /** In order, with the container's own grace; it stays down until {@link Faults.start}. */
  public async stop(container: Container): Promise<void> {
    await container.stop();
  }

  public async start(container: Container): Promise<void> {
    await startOnce(container);
  }

  /** The programs of a container hang: they hold their connections and answer nothing. */
  public async freeze(host: Host, container: Container): Promise<void> {
    const { Id, Name } = await container.inspect();
    if ((await stopAll(host.cgroupOf(Id))) === 0) throw new Error(`${Name} has no process to stop`);
  }

  public async thaw(host: Host, container: Container): Promise<void> {
    const { Id } = await container.inspect();
    await continueAll(host.cgroupOf(Id));
  }

  /** Power off. See {@link Host.crash}. */
  public async crash(host: Host): Promise<void> {
    await host.crash();
  }

  /** Switched off in order: every container is stopped with its own grace. */
  public async shutDown(host: Host): Promise<void> {
    if (!(await host.shutDown(SHUTDOWN_SECONDS)))
      throw new Error(`${host.name}: its engine did not end in ${SHUTDOWN_SECONDS} s`);
  }

  public async boot(host: Host): Promise<void> {
    await host.boot();
  }

  /** Everything on the host hangs, its engine too. Its kernel lives: it acknowledges packets and takes connections. */
  public async hang(host: Host): Promise<void> {
    await host.hang();
  }

  public async resume(host: Host): Promise<void> {
    await host.resume();
  }

  /** The cable is pulled: packets vanish, in both directions. */
  public async cut(host: Host): Promise<void> {
    await setCable(this.rig.spec, host.spec, "down");
  }

  public async join(host: Host): Promise<void> {
    await setCable(this.rig.spec, host.spec, "up");
  }

  /** Nothing that `from` sends reaches `to`; what `to` sends still reaches `from`. */
  public async cutOneWay(from: Host, to: Host): Promise<void> {
    await dropFrom(to.spec, from.spec);
  }

  /** Loses this share of what the host sends and of what is sent to it. */
  public async losePackets(host: Host, percent: number): Promise<void> {
    await dropAtRandom(host.spec, percent);
  }

  /** Ends {@link Faults.cutOneWay} towards this host and {@link Faults.losePackets}. */
  public async loseNothing(host: Host): Promise<void> {
    await dropNothing(host.spec);
  }

  /** Every host is up, connected and answers; every container with a restart policy runs. */
  public async healAll(): Promise<void> {
    await Promise.all(this.rig.hosts.map((host) => this.heal(host)));
  }

  private async heal(host: Host): Promise<void> {
    if (host.isUp()) {
      await host.resume();
      await this.join(host);
      await this.loseNothing(host);
    } else await host.boot();
    await waitFor(`${host.name}: an answer of its engine`, { seconds: 30 }, () => host.docker.ping().then(Boolean));
    await startWhatShallRun(host);
  }
}

async function startWhatShallRun({ docker }: Host): Promise<void> {
  const down = await docker.listContainers({ all: true, filters: { status: ["exited", "created"] } });
  for (const { Id } of down) {
    const container = docker.getContainer(Id);
    const { HostConfig } = await container.inspect();
    if (["always", "unless-stopped"].includes(HostConfig.RestartPolicy?.Name ?? "")) await startOnce(container);
  }
}

/** Docker's own restart may come first. */
async function startOnce(container: Container): Promise<void> {
  await container.start().catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 304) throw error;
  });
}
