import { createPool, onLost, type Pool, translating } from '../../platform/postgres/pool.ts';
import { bigintArray, intArray, textArray, uuidArray } from './binaryArray.ts';
import { perTurnBatch } from '../../platform/perTurnBatch.ts';
import type { Head, RecordedEvent } from '../eventStore.ts';
import { pageSize } from '../pageSize.ts';

import type { SizedEvent } from '../recent.ts';
import { UUID } from '../../platform/ids.ts';
import { recorded } from '../upcast.ts';

const READ_CONNECTIONS_MAX = 6;
const READS_PER_STATEMENT_MAX = 128;
const READ_TIMEOUT_MS = 10_000;
/** Makes Postgres read the log by its indexes, even when the planner takes it for tiny. */
const PLANNER = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
};

const READ = `
  SELECT r.n, e.position, e.stream, e.revision, e.id, e.type, e.data, e.metadata
  FROM unnest($1::text[], $2::int8[], $3::int4[]) WITH ORDINALITY AS r(stream, first, size, n)
  CROSS JOIN LATERAL (
    SELECT * FROM events WHERE stream = r.stream AND revision >= r.first ORDER BY revision LIMIT r.size
  ) e
  ORDER BY r.n, e.revision`;
const FIND = `
  SELECT r.n, e.position, e.stream, e.revision, e.id, e.type, e.data, e.metadata
  FROM unnest($1::int4[], $2::uuid[], $3::text[]) AS r(n, id, stream)
  JOIN events e ON e.id = r.id AND e.stream = r.stream
  ORDER BY r.n, e.revision`;
const LOCATE = `
  SELECT 1, position, stream, revision, id, type, data, metadata
  FROM events WHERE id = ANY ($1::uuid[]) AND position < $2 ORDER BY position`;
const READ_ALL = `
  SELECT 1, position, stream, revision, id, type, data, metadata
  FROM events WHERE position > $1 ORDER BY position LIMIT $2`;
const READ_BACK = `
  SELECT 1, position, stream, revision, id, type, data, metadata
  FROM events WHERE stream = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3`;
const READ_ALL_BACK = `
  SELECT 1, position, stream, revision, id, type, data, metadata
  FROM events WHERE position < $1 ORDER BY position DESC LIMIT $2`;
/** Greatest `int8`: no event is there. */
const BEYOND_ALL = 2n ** 63n - 1n;

type EventRow = readonly [string, string, string, string, string, string, string, string];

export interface PostgresReads {
  read(stream: string, from: bigint, limit: number): Promise<RecordedEvent[]>;
  /** One page of a stream, newest first. */
  readBack(stream: string, before: bigint | undefined, limit: number): Promise<RecordedEvent[]>;
  find(stream: string, ids: readonly string[]): Promise<RecordedEvent[]>;
  locate(ids: readonly string[], before: bigint): Promise<RecordedEvent[]>;
  /** One page of the whole log. Throws when positions are missing in it. */
  page(after: bigint, limit: number): Promise<SizedEvent[]>;
  /** One page of the whole log, newest first. */
  pageBack(before: bigint | undefined, limit: number): Promise<RecordedEvent[]>;
  head(): Promise<Head>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Reads of the log. `onLostConnection` is called whenever one of its connections has broken. Calls of `read`, or of `find`, in the same turn of the event loop share one statement. */
export function createPostgresReads(url: string, onLostConnection: () => void = () => undefined): PostgresReads {
  const pool = createReadPool(url);
  onLost(pool, onLostConnection);
  const rows = <Row extends readonly unknown[] = EventRow>(name: string, text: string, values: unknown[]) =>
    translating(async () => (await pool.query<Row & unknown[]>({ name, text, values, rowMode: 'array' })).rows);

  const read = perTurnBatch<{ stream: string; from: bigint; limit: number }, RecordedEvent[]>(
    READS_PER_STATEMENT_MAX,
    async (requests) =>
      grouped(
        requests.length,
        await rows('read', READ, [
          textArray(requests.map(({ stream }) => stream)),
          bigintArray(requests.map(({ from }) => from)),
          intArray(requests.map(({ limit }) => limit)),
        ]),
      ),
  );

  const find = perTurnBatch<{ stream: string; ids: readonly string[] }, RecordedEvent[]>(
    READS_PER_STATEMENT_MAX,
    async (requests) => {
      const wanted = requests.flatMap(({ stream, ids }, index) =>
        [...new Set(ids)].map((id) => ({ stream, id, n: index + 1 })),
      );
      const values = [
        intArray(wanted.map(({ n }) => n)),
        uuidArray(wanted.map(({ id }) => id)),
        textArray(wanted.map(({ stream }) => stream)),
      ];
      return grouped(requests.length, await rows('find', FIND, values));
    },
  );

  return {
    read: (stream, from, limit) => read({ stream, from: from < 0n ? 0n : from, limit: pageSize(limit) }),
    async readBack(stream, before = BEYOND_ALL, limit) {
      return (await rows('read_back', READ_BACK, [stream, before, pageSize(limit)])).map(toEvent);
    },
    async pageBack(before = BEYOND_ALL, limit) {
      return (await rows('read_all_back', READ_ALL_BACK, [before, pageSize(limit)])).map(toEvent);
    },
    find(stream, ids) {
      const known = ids.filter((id) => UUID.test(id));
      return known.length === 0 ? Promise.resolve([]) : find({ stream, ids: known });
    },
    async locate(ids, before) {
      const known = ids.filter((id) => UUID.test(id));
      if (known.length === 0) return [];
      return (await rows('locate', LOCATE, [uuidArray(known), before])).map(toEvent);
    },
    async page(after, limit) {
      const page = (await rows('read_all', READ_ALL, [after, pageSize(limit)])).map((row) => ({
        event: toEvent(row),
        bytes: row[6].length + row[7].length,
      }));
      checkContiguous(after, page);
      return page;
    },
    async head() {
      const sql = 'SELECT epoch, position FROM store_head WHERE only_row';
      const [epoch, position] = (await rows<[string, string]>('head', sql, []))[0]!;
      return { epoch, position: BigInt(position) };
    },
    async ping() {
      await rows('ping', 'SELECT 1', []);
    },
    close: () => pool.end(),
  };
}

const createReadPool = (url: string): Pool =>
  createPool({
    url,
    name: 'log reader',
    // Columns stay text here; `toEvent` converts each one once.
    int8: 'text',
    statementTimeoutMs: READ_TIMEOUT_MS,
    planner: PLANNER,
    max: READ_CONNECTIONS_MAX,
  });

const toEvent = ([, position, stream, revision, id, type, data, metadata]: EventRow): RecordedEvent =>
  recorded({ position: BigInt(position), stream, revision: BigInt(revision), id, type, data, metadata });

function grouped(count: number, rows: readonly EventRow[]): RecordedEvent[][] {
  const groups = Array.from({ length: count }, (): RecordedEvent[] => []);
  for (const row of rows) groups[Number(row[0]) - 1]!.push(toEvent(row));
  return groups;
}

/** Throws if positions are missing: they are contiguous, so a gap means lost events, and reading must not go on. */
function checkContiguous(after: bigint, page: readonly SizedEvent[]): void {
  let last = after;
  for (const { event } of page) {
    if (event.position !== last + 1n) throw logHole(last, event.position);
    last = event.position;
  }
}

const HOLE = 'LogHole';
const logHole = (last: bigint, next: bigint): Error =>
  Object.assign(new Error(`the log has a hole: ${last} is followed by ${next}`), { name: HOLE });
/** The log itself is damaged, so a retry cannot help. */
export const isLogHole = (error: unknown): boolean => error instanceof Error && error.name === HOLE;
