import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { NATS, REDIS, startServer } from '../support/services.ts';
import { ROLES, type Fleet, type Member } from './fleet.ts';
import type { Random } from './random.ts';

const DOWN_MS = 1_500;
const TAKEOVER_WAIT_MS = 60_000;

type Role = (typeof ROLES)[number];
export type Fault = { readonly kind: 'kill' | 'pause'; readonly role: Role } | { readonly kind: 'redis' | 'nats' };

export interface Happened {
  readonly atS: number;
  readonly what: string;
  /** Time until other processes owned all leases of the affected process; absent when it owned none. */
  readonly takeoverMs?: number;
}

/** Followers of a role, by the names of their checkpoints. */
const OWNED: Readonly<Record<Role, RegExp>> = {
  http: /^$/,
  projector: /^projection:/,
  relay: /^relay/,
  handlers: /^consumer:/,
  deadlines: /^deadlines$/,
};

interface Lease {
  readonly name: string;
  readonly owner: string | null;
}

/** The process id is the second part of an owner's name. */
const ownedBy = (leases: readonly Lease[], { process }: Member): Lease[] =>
  leases.filter(({ owner }) => owner?.split(':')[1] === String(process.pid));

/** All faults once, in random order: every role killed, projector and handlers paused, Redis and NATS wiped. */
export function shortPlan(random: Random): Fault[] {
  const plan: Fault[] = [
    ...ROLES.map((role): Fault => ({ kind: 'kill', role })),
    { kind: 'pause', role: 'projector' },
    { kind: 'pause', role: 'handlers' },
    { kind: 'redis' },
    { kind: 'nats' },
  ];
  for (let last = plan.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [plan[last], plan[other]] = [plan[other]!, plan[last]!];
  }
  return plan;
}

export function anyFault(random: Random): Fault {
  const role = random.pick(ROLES);
  if (random.chance(0.25)) return { kind: random.chance(0.5) ? 'redis' : 'nats' };
  return { kind: random.chance(0.6) ? 'kill' : 'pause', role };
}

export function createFaults(fleet: Fleet, random: Random, options: { pauseMs: number; say: (line: string) => void }) {
  const began = performance.now();
  const timeline: Happened[] = [];
  const leases = (): Promise<Lease[]> => fleet.write.db.rows<Lease>('SELECT name, owner FROM checkpoints');

  function note(what: string, takeoverMs?: number): void {
    const atS = Math.round((performance.now() - began) / 100) / 10;
    timeline.push({ atS, what, ...(takeoverMs === undefined ? {} : { takeoverMs }) });
    const took = takeoverMs === undefined ? '' : `, taken over after ${(takeoverMs / 1_000).toFixed(1)} s`;
    options.say(`${atS.toFixed(1).padStart(7)} s  ${what}${took}`);
  }

  /** The process of this role that owns most leases, so that the fault matters; at random among equals. */
  async function victimOf(role: Role): Promise<{ victim: Member; owned: Lease[] }> {
    const all = (await leases()).filter(({ name }) => OWNED[role].test(name));
    const byOwned = fleet.of(role).map((victim) => ({ victim, owned: ownedBy(all, victim) }));
    const most = Math.max(...byOwned.map(({ owned }) => owned.length));
    return random.pick(byOwned.filter(({ owned }) => owned.length === most));
  }

  /** Time until other processes own these leases, ms; undefined when there are none. */
  async function takenOver(owned: readonly Lease[]): Promise<number | undefined> {
    if (owned.length === 0) return undefined;
    const from = performance.now();
    await eventually(
      `others own ${owned.map(({ name }) => name).join(', ')}`,
      async () => {
        const now = new Map((await leases()).map(({ name, owner }) => [name, owner]));
        return owned.every(({ name, owner }) => now.get(name) !== null && now.get(name) !== owner);
      },
      TAKEOVER_WAIT_MS,
    );
    return performance.now() - from;
  }

  async function kill(role: Role): Promise<void> {
    const { victim, owned } = await victimOf(role);
    victim.process.kill('SIGKILL');
    const [took] = await Promise.all([takenOver(owned), victim.process.exited.then(() => fleet.replace(victim))]);
    note(`${victim.name} killed and started again`, took);
  }

  async function pause(role: Role): Promise<void> {
    const { victim, owned } = await victimOf(role);
    const { process } = victim;
    process.kill('SIGSTOP');
    try {
      const [took] = await Promise.all([takenOver(owned), delay(options.pauseMs)]);
      note(`${victim.name} stood still for ${options.pauseMs / 1_000} s`, took);
    } finally {
      process.kill('SIGCONT');
    }
  }

  async function redis(): Promise<void> {
    const { port, dir } = fleet.servers.redis;
    await fleet.servers.redis.end('SIGKILL');
    await delay(DOWN_MS);
    fleet.servers.redis = await startServer(REDIS, { port, dir });
    note('Redis killed and started again, empty');
  }

  async function nats(): Promise<void> {
    const { port, dir } = fleet.servers.nats;
    await fleet.servers.nats.end('SIGKILL');
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    await delay(DOWN_MS);
    fleet.servers.nats = await startServer(NATS, { port, dir });
    note('NATS killed and started again, its store wiped');
  }

  return {
    timeline,
    async cause(fault: Fault): Promise<void> {
      switch (fault.kind) {
        case 'kill':
          return kill(fault.role);
        case 'pause':
          return pause(fault.role);
        case 'redis':
          return redis();
        case 'nats':
          return nats();
      }
    },
  };
}
