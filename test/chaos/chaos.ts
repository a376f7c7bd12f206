import { setTimeout as delay } from 'node:timers/promises';
import { behind } from '../support/fold.ts';
import { violationsOf } from './checks.ts';
import { createClient } from './client.ts';
import { anyFault, createFaults, shortPlan, type Happened } from './faults.ts';
import { startFleet, type Fleet } from './fleet.ts';
import { keepBusy, stockShop } from './load.ts';
import { createRandom } from './random.ts';

const GAP_MS = 1_500;
/** After the last fault, all work must be done within this time. */
const HEAL_MS = 120_000;
const POLL_MS = 250;

export interface ChaosOptions {
  readonly seed: number;
  /** Each fault once, or random faults for this many minutes. */
  readonly minutes: number | 'each fault once';
  readonly pauseMs: number;
  /** Processes of each role: at least 2, so that another one can take over. */
  readonly ofEach: number;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly violations: readonly string[];
  readonly timeline: readonly Happened[];
  readonly requests: number;
  readonly unanswered: number;
  readonly commands: number;
  readonly events: bigint;
  readonly healedAfterMs: number;
}

/** Waits until no work is left. Resolves to how long that took, ms. */
async function rested(left: () => Promise<string[]>, withinMs = HEAL_MS): Promise<number> {
  const from = performance.now();
  for (let late = await left(); late.length > 0; late = await left()) {
    if (performance.now() - from > withinMs) throw new Error(`not at rest after ${withinMs} ms: ${late.join(', ')}`);
    await delay(POLL_MS);
  }
  return performance.now() - from;
}

const UNMET = `SELECT key FROM deadlines WHERE kind = 'checkout' OR due_at <= now() LIMIT 5`;
/**
 * Deadlines that the checks wait for; only the `deadlines` processes remove them. The deadline of a checkout counts before it is due:
 * a checkout that broke off holds its stock until then, also when its order is abandoned already.
 */
export async function unmet({ write }: Pick<Fleet, 'write'>): Promise<string[]> {
  const rows = await write.db.rows<{ key: string }>(UNMET);
  return rows.map(({ key }) => `deadline ${key}`);
}

/**
 * Stops all processes, because nothing may be written during the checks: first those that start work, then those that follow the
 * log. A deadline that expires in between stays, because its processes have ended.
 */
async function windDown(fleet: Fleet): Promise<string[]> {
  const late = await fleet.stop(['http', 'deadlines']);
  await rested(() => behind(fleet.write));
  late.push(...(await fleet.stop(['handlers'])));
  await rested(() => behind(fleet.write));
  return [...late, ...(await fleet.stop(['projector', 'relay']))];
}

/**
 * Runs a shop of several processes of each role under a mixed load, while one process after another is killed or paused, and Redis
 * and NATS lose all their data. Then checks the invariants against the log. Prints the seed and the faults.
 */
export async function runChaos({ seed, minutes, pauseMs, ofEach, say }: ChaosOptions): Promise<Outcome> {
  const random = createRandom(seed);
  const fleet = await startFleet(ofEach);
  try {
    const client = createClient(fleet);
    const goods = await stockShop(fleet, client);
    say(`seed ${seed}: ${fleet.members.length} processes`);
    const load = keepBusy(client, goods, seed);
    const faults = createFaults(fleet, random, { pauseMs, say });
    if (minutes === 'each fault once') {
      for (const fault of shortPlan(random)) {
        await delay(GAP_MS);
        await faults.cause(fault);
      }
    } else {
      for (const end = performance.now() + minutes * 60_000; performance.now() < end;) {
        await faults.cause(anyFault(random));
        await delay(GAP_MS);
      }
    }
    await load.stop();
    const healedAfterMs = await rested(async () => [...(await behind(fleet.write)), ...(await unmet(fleet))]);
    say(`at rest ${(healedAfterMs / 1_000).toFixed(1)} s after the load`);
    const late = await windDown(fleet);
    const { position: events } = await fleet.write.store.head();
    const violations = [...late, ...(await violationsOf(fleet, client))];
    return { violations, timeline: faults.timeline, ...client.counts(), events, healedAfterMs };
  } finally {
    await fleet.dispose();
  }
}
