import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { createMemoryCache } from '../../../src/cache/memoryCache.ts';
import { NO_STREAM, type EventStore, type NewEvent, type RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { upcasting } from '../../../src/eventstore/upcast.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { createProjector, type Projector, type ProjectorOptions } from '../../../src/engine/project/projector.ts';
import { createProgress } from '../../../src/engine/project/progress.ts';
import { replay, type Change, type Projection, type Row } from '../../../src/engine/project/projection.ts';
import { freshDatabase } from '../../support/database.ts';
import { programArgs } from '../../support/process.ts';

export const silent = pino({ level: 'silent' });

/** Accounts and transfers between them. A row changes by events of its own stream and, in a transfer, by those of another stream. */
export interface AccountRow {
  readonly id: string;
  readonly owner: string;
  readonly balance: number;
  readonly seen: readonly string[];
  readonly opened_at: string;
}

interface Data {
  readonly amount?: number;
  readonly owner?: unknown;
  readonly to?: string;
  readonly fail?: string;
}

const account = (event: RecordedEvent): string => event.stream.slice('account-'.length);
const dataOf = (event: RecordedEvent): Data => event.data;

const moved = (
  amount: (data: Data, key: string, event: RecordedEvent) => number,
  key: (event: RecordedEvent) => string | readonly string[] = account,
): Change<AccountRow> => ({
  key,
  row: (row, event, id) => {
    const data = dataOf(event);
    if (data.fail === 'row') throw new Error('this account cannot be told what happened');
    if (row === undefined) return undefined;
    return { ...row, balance: row.balance + amount(data, id, event), seen: [...row.seen, event.id] };
  },
});

export const accounts: Projection<AccountRow> = {
  name: 'accounts',
  table: 'accounts',
  key: 'id',
  of: 'account',
  columns: { id: 'uuid', owner: 'text', balance: 'bigint', seen: 'jsonb', opened_at: 'timestamptz' },
  on: {
    Opened: {
      key: (event) => {
        if (dataOf(event).fail === 'key') throw new Error('nobody knows which account this is');
        return account(event);
      },
      row: (_row, event, id) => ({
        id,
        owner: dataOf(event).owner as string,
        balance: 0,
        seen: [event.id],
        opened_at: event.metadata.occurredAt,
      }),
    },
    Deposited: moved(({ amount = 0 }) => amount),
    Withdrawn: moved(({ amount = 0 }) => -amount),
    Transferred: moved(
      ({ amount = 0, to }, key) => (key === to ? amount : -amount),
      (event) => [account(event), dataOf(event).to ?? ''],
    ),
    Closed: { key: account, row: () => null },
  },
  tags: (key) => [`account:${key}`],
};

export const asAny = <R extends object>(projection: Projection<R>): Projection => projection as unknown as Projection;

const ACCOUNTS = `CREATE TABLE accounts (
  id uuid PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL CHECK (balance > -1000000), seen jsonb NOT NULL,
  opened_at timestamptz NOT NULL, revision bigint NOT NULL, position bigint NOT NULL,
  shout text GENERATED ALWAYS AS (upper(owner)) STORED
);
CREATE INDEX accounts_owner ON accounts (owner, balance DESC);
CREATE UNIQUE INDEX accounts_named ON accounts (owner) WHERE owner LIKE 'only %';`;

export const event = (type: string, data: Data = {}): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  metadata: {
    commandId: randomUUID(),
    command: 'Test',
    correlationId: randomUUID(),
    actor: 'test',
    occurredAt: '2026-11-21T08:40:00.123Z',
    schema: 1,
  },
});

/** A database with the example's table, a store (the real one unless another is given), and any number of projectors. */
export async function bank(other?: EventStore) {
  const database = await freshDatabase();
  const pool: Pool = createPool({ url: database.url, name: 'test', max: 10, int8: 'number' });
  await pool.query(ACCOUNTS);
  const store = upcasting(other ?? (await createPostgresEventStore({ url: database.url })), {});
  const undo: (() => Promise<unknown>)[] = [];

  const projector = (options: Partial<ProjectorOptions> = {}) => {
    const progress = options.progress ?? createProgress({ pool });
    const cache = options.cache ?? createMemoryCache({ entriesMax: 100, bytesMax: 1_000_000 });
    const made: Projector = createProjector({
      pool,
      store,
      cache,
      progress,
      projections: [asAny(accounts)],
      owner: randomUUID(),
      log: silent,
      ...options,
    });
    undo.push(() => made.stop());
    return { ...made, progress, cache };
  };

  return {
    url: database.url,
    pool,
    store,
    projector,
    undo,
    /** Appends at the end of an account's stream, also after other writers. Returns the position. */
    async append(id: string, ...events: NewEvent[]): Promise<bigint> {
      const stream = `account-${id}`;
      for (let expected = NO_STREAM; ;) {
        const result = await store.append(stream, expected, events);
        if (result.outcome === 'appended') return result.position;
        expected = result.actual;
      }
    },
    async rows(table = 'accounts'): Promise<Row[]> {
      const { rows } = await pool.query<Row>(
        `SELECT id, owner, balance, seen, opened_at, revision, position, shout FROM ${table} ORDER BY id`,
      );
      return rows;
    },
    async checkpoint(name = 'projection:accounts'): Promise<bigint | undefined> {
      const { rows } = await pool.query<{ position: number }>('SELECT position FROM checkpoints WHERE name = $1', [
        name,
      ]);
      return rows[0] === undefined ? undefined : BigInt(rows[0].position);
    },
    async close(): Promise<void> {
      for (const step of undo.splice(0).reverse()) await step();
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}

/** The rows that result from the log. */
export function folded(events: readonly RecordedEvent[]): AccountRow[] {
  const ids = new Set(events.flatMap((one) => (one.stream.startsWith('account-') ? [account(one)] : [])));
  return [...ids].sort().flatMap((id) => replay(accounts, id, events) ?? []);
}

const CHILD = path.join(import.meta.dirname, 'child.ts');
const CHILD_TIMEOUT_MS = 30_000;

/** Runs the example in a separate process until it dies at the failpoint. Calls `poke` repeatedly until then. */
export async function dieAt(point: string, args: readonly string[], poke: () => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, [...programArgs(CHILD), ...args], {
    env: { ...process.env, FAILPOINT: point },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: CHILD_TIMEOUT_MS,
  });
  const died = once(child, 'exit');
  while (child.exitCode === null && child.signalCode === null) {
    await poke();
    await Promise.race([died, pause(20)]);
  }
  await died;
  if (child.signalCode !== 'SIGKILL') throw new Error(`it did not die at ${point}: ${String(child.exitCode)}`);
}

export type Bank = Awaited<ReturnType<typeof bank>>;
