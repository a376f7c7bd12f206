import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { requestRetry, requestSkip } from '../../src/engine/follow/deadLetterRequests.ts';
import type { Bus, ConsumerStatus, Delivery, RetryPolicy } from '../../src/bus/bus.ts';
import {
  APPEND_EVENTS_MAX,
  type EventStore,
  type NewEvent,
  type RecordedEvent,
} from '../../src/eventstore/eventStore.ts';
import type { Pool } from '../../src/platform/postgres/pool.ts';
import { eventually } from '../support/eventually.ts';

export interface BusWorld {
  readonly store: EventStore;
  readonly pool: Pool;
  bus(options?: { owner?: string; retry?: Partial<RetryPolicy>; patienceMs?: number }): Bus;
  close(): Promise<void>;
}

export const happened = (type: string, data: object = {}): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  metadata: {
    commandId: randomUUID(),
    command: 'Do',
    correlationId: randomUUID(),
    actor: 'cli',
    occurredAt: '2026-11-21T08:00:00.000Z',
    schema: 1,
  },
});

/** Appends to streams `thing-<name>`, in the given order. Adjacent events of one stream go into one append. */
export async function append(
  store: EventStore,
  entries: readonly { stream: string; event: NewEvent }[],
): Promise<void> {
  const revisions = new Map<string, bigint>();
  for (let next = 0; next < entries.length;) {
    const { stream } = entries[next]!;
    const rest = entries.slice(next, next + APPEND_EVENTS_MAX);
    const other = rest.findIndex((entry) => entry.stream !== stream);
    const events = rest.slice(0, other < 0 ? rest.length : other).map(({ event }) => event);
    const name = `thing-${stream}`;
    const expected = revisions.get(name) ?? (await lastRevision(store, name));
    const result = await store.append(name, expected, events);
    expect(result.outcome).to.equal('appended');
    revisions.set(name, expected + BigInt(events.length));
    next += events.length;
  }
}

async function lastRevision(store: EventStore, stream: string): Promise<bigint> {
  const events = await store.read(stream, 0n, 1_000);
  return events.at(-1)?.revision ?? -1n;
}

export const numbered = (stream: string, count: number, type = 'Happened', from = 0) =>
  Array.from({ length: count }, (_, index) => ({ stream, event: happened(type, { n: from + index }) }));

export const n = (event: RecordedEvent): number => (event.data as { n: number }).n;

/** Records the events that a consumer has handled, in the order in which they finished. */
export function recorder() {
  const finished: RecordedEvent[] = [];
  const of = (stream: string): number[] =>
    finished.filter((event) => event.stream === `thing-${stream}`).map((event) => n(event));
  return { finished, of };
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export const poison = (error: Error = new Error('poison')) => {
  let sick = true;
  return {
    heal: () => {
      sick = false;
    },
    strike: () => {
      if (sick) throw error;
    },
  };
};

export interface BusBench {
  readonly world: BusWorld;
  /** Starts a bus with one consumer; it is stopped when the test ends. */
  run(
    handle: (delivery: Delivery) => Promise<void>,
    options?: Parameters<BusWorld['bus']>[0] & { types?: readonly string[] },
  ): Promise<Bus>;
  started(bus: Bus): void;
  status(bus: Bus): Promise<ConsumerStatus>;
  caughtUp(bus: Bus): Promise<unknown>;
  letters(): Promise<Letter[]>;
  ask(what: 'retry' | 'skip', which: number): Promise<unknown>;
}

interface Letter {
  readonly status: string;
  readonly reason: string;
  readonly attempts: number;
  readonly n: string;
  readonly stream: string;
}

export const CONSUMER = 'tester';

/** Opens a new world for each test of the suite that calls this. */
export function busBench(open: () => Promise<BusWorld>): BusBench {
  let world: BusWorld;
  let started: Bus[] = [];
  beforeEach(async () => {
    world = await open();
  });
  afterEach(async () => {
    await Promise.all(started.map((bus) => bus.stop()));
    started = [];
    await world.close();
  });
  const status = async (bus: Bus): Promise<ConsumerStatus> => (await bus.status())[0]!;
  return {
    get world() {
      return world;
    },
    async run(handle, options = {}) {
      const bus = world.bus(options);
      bus.subscribe({ name: CONSUMER, types: options.types ?? ['Happened'], handle });
      await bus.start();
      started.push(bus);
      return bus;
    },
    started: (bus) => started.push(bus),
    status,
    caughtUp: (bus) => eventually('the consumer has caught up', async () => (await status(bus)).lag === 0n, 15_000),
    letters: async () =>
      (
        await world.pool.query<Letter>(
          `SELECT status, reason, attempts, payload -> 'data' ->> 'n' AS n, stream FROM dead_letters ORDER BY position`,
        )
      ).rows,
    async ask(what, which) {
      const { rows } = await world.pool.query<{ id: string }>(
        `SELECT id FROM dead_letters WHERE (payload -> 'data' ->> 'n')::int = $1`,
        [which],
      );
      await (what === 'retry' ? requestRetry : requestSkip)(world.pool, { id: rows[0]!.id, actor: 'cli' });
    },
  };
}
