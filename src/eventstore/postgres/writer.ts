import pg from 'pg';
import { unavailable } from '../../errors.ts';
import { failpoint } from '../../platform/failpoint.ts';
import type { Logger } from '../../platform/log.ts';
import { createSession, translating } from '../../platform/postgres/pool.ts';
import { isWriteRefused } from '../../platform/postgres/sqlstate.ts';
import { type AppendItem, outcomeUnknown } from '../appendQueue.ts';
import { bigintArray, intArray, jsonArray, textArray, uuidArray } from './binaryArray.ts';
import type { AppendResult } from '../eventStore.ts';

/** The server aborts a batch after this. It is then sent again. The session cuts the connection if the server stays silent. */
const BATCH_TIMEOUT_MS = 4_000;

const APPEND = {
  name: 'append_batch',
  text: 'SELECT base, others::text FROM append_batch($1, $2, $3, $4, $5, $6, $7, $8)',
  rowMode: 'array' as const,
};
const DURABILITY = "SELECT current_setting('fsync') = 'on' AS fsync, pg_is_in_recovery() AS standby";

export interface PostgresWriterOptions {
  readonly url: string;
  readonly log?: Logger | undefined;
  readonly unsafeWithoutFsync: boolean;
  /** Called when Postgres refuses to write at all: it is read-only or has no space. */
  readonly onRefused?: ((error: unknown) => void) | undefined;
}

export interface PostgresWriter {
  /** Rejects with `outcomeUnknown` when the batch was sent and Postgres did not say what became of it. */
  send(items: readonly AppendItem[]): Promise<AppendResult[]>;
  /** Connects if not connected. Rejects when the server is unreachable, a standby, or runs with `fsync=off`. */
  connect(): Promise<unknown>;
  close(): Promise<void>;
}

/** The one connection that appends. After any failed batch it is closed and opened again. */
export function createPostgresWriter(options: PostgresWriterOptions): PostgresWriter {
  const { url, log, unsafeWithoutFsync, onRefused } = options;
  let connected: Promise<pg.Client> | undefined;

  async function open(onBroken: () => void): Promise<pg.Client> {
    const client = createSession({ url, name: 'log writer', statementTimeoutMs: BATCH_TIMEOUT_MS });
    client.on('error', (error) => {
      log?.warn({ err: error }, 'the connection that writes the log broke');
      onBroken();
    });
    await client.connect();
    const { rows } = await client.query<{ fsync: boolean; standby: boolean }>(DURABILITY);
    const server = rows[0]!;
    if (server.fsync || unsafeWithoutFsync) {
      if (!server.standby) return client;
      await client.end();
      throw unavailable('LogReadOnly', 'The database is a standby; the log can be written on the primary only.');
    }
    await client.end();
    throw new Error(
      'Postgres runs with fsync=off, so a power cut can lose acknowledged events: the shop does not start.',
    );
  }

  function connect(): Promise<pg.Client> {
    if (connected !== undefined) return connected;
    const forget = (): void => {
      if (connected === attempt) connected = undefined;
    };
    const attempt = translating(() => open(forget));
    attempt.catch(forget);
    connected = attempt;
    return attempt;
  }

  async function send(items: readonly AppendItem[]): Promise<AppendResult[]> {
    return translating(async () => {
      const client = await connect();
      failpoint('append:before');
      try {
        const { rows } = await client.query<[bigint, string | null]>({ ...APPEND, values: parametersOf(items) });
        failpoint('append:after-commit');
        return resultsOf(items, rows[0]!);
      } catch (error) {
        // A mere statement error leaves the connection usable. But a wrong guess would be worse than reconnecting.
        connected = undefined;
        client.connection.stream.destroy();
        if (isWriteRefused(error)) onRefused?.(error);
        throw isRolledBack(error) ? error : outcomeUnknown(error);
      }
    });
  }

  return {
    send,
    connect,
    async close() {
      const client = await connected?.catch(() => undefined);
      connected = undefined;
      await client?.end();
    },
  };
}

/** SQLSTATEs of a connection that broke or was ended. The server may have committed before. */
const MAY_BE_COMMITTED = /^(08|57P|40003)/;

/** Whether Postgres itself reported that the statement failed. Then it has rolled it back. */
function isRolledBack(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && !MAY_BE_COMMITTED.test(error.code);
}

function parametersOf(items: readonly AppendItem[]): Buffer[] {
  const events = items.flatMap((item) => item.events);
  const item = items.flatMap(({ events }, index) => events.map(() => index + 1));
  const revisions = items.flatMap(({ expected, events }) => events.map((_, index) => expected + 1n + BigInt(index)));
  return [
    textArray(items.map(({ stream }) => stream)),
    bigintArray(items.map(({ expected }) => expected)),
    intArray(item),
    bigintArray(revisions),
    uuidArray(events.map(({ id }) => id)),
    textArray(events.map(({ type }) => type)),
    jsonArray(events.map(({ data }) => data)),
    jsonArray(events.map(({ metadata }) => metadata)),
  ];
}

type Other = readonly [item: number, outcome: string, position: string | null, revision: string];

/** Reads the answer of `append_batch`: items that are not listed were appended in order, right after position `base`. */
function resultsOf(items: readonly AppendItem[], [base, othersText]: [bigint, string | null]): AppendResult[] {
  const others = new Map<number, Other>();
  if (othersText !== null) for (const other of JSON.parse(othersText) as Other[]) others.set(other[0], other);
  let position = base;
  return items.map(({ expected, events }, index) => {
    const other = others.get(index + 1);
    if (other === undefined) {
      const count = BigInt(events.length);
      position += count;
      return { outcome: 'appended', position, revision: expected + count, repeated: false };
    }
    const [, outcome, otherPosition, revision] = other;
    if (outcome === 'conflict') return { outcome, actual: BigInt(revision) };
    const repeated = outcome === 'repeated';
    return { outcome: 'appended', position: BigInt(otherPosition!), revision: BigInt(revision), repeated };
  });
}
