import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import { scan } from '../../eventstore/scan.ts';
import type { Logger } from '../../platform/log.ts';
import type { Connection, Pool } from '../../platform/postgres/pool.ts';
import type { Parking } from '../follow/deadLetters.ts';
import { isRefused, project } from '../project/bisect.ts';
import type { Projection } from '../project/projection.ts';
import { tableOf } from '../project/table.ts';
import type { Prepared } from '../project/validate.ts';
import { copyRows } from './copyRows.ts';
import { createRefold, type Shadow } from './refold.ts';
import { createIndexes, createShadow, shadowName, shadowTable } from './shadow.ts';

/** A rebuild with more parked events than this fails: the projection is broken, not the events. */
const PARKINGS_MAX = 10_000;
/** A batch is applied once it has this many events. */
const BATCH_EVENTS = 1_000;

export interface RebuildProgress {
  /** Current position, and the position to reach. */
  readonly done: bigint;
  readonly total: bigint;
  /** Events applied so far. */
  readonly events: number;
}

export interface RebuildOptions {
  /** The Postgres of the read models. */
  readonly url: string;
  readonly store: EventStore;
  readonly projection: Projection;
  readonly log: Logger;
  readonly onProgress?: (progress: RebuildProgress) => void;
  readonly signal?: AbortSignal;
  readonly rowsMax?: number;
  /** How long to wait for a migration to end. */
  readonly tablesWaitMs?: number;
}

/** A rebuild under way. */
export interface Rebuild extends RebuildOptions {
  readonly prepared: Prepared;
  readonly pool: Pool;
  readonly epoch: string;
  readonly skipped: ReadonlySet<string>;
  readonly blocked: Set<string>;
  readonly parkings: Parking[];
  /** Every event up to here is in the shadow table or parked. */
  position: bigint;
  events: number;
  /** The shadow table may contain events beyond `position`, because a catch-up failed half-way. */
  torn: boolean;
}

/** Fills the shadow table from the whole log. If Postgres refuses a value, starts again batch by batch, to park its event. */
export async function build(work: Rebuild, connection: Connection): Promise<void> {
  const { prepared, log } = work;
  await createShadow(connection, prepared);
  const { position: head } = await work.store.head();
  try {
    await buildInMemory(work, connection, head);
    return;
  } catch (error) {
    if (!isRefused(error)) throw error;
    log.warn({ err: error, projection: prepared.name }, 'a row was refused; rebuilding batch by batch to find out why');
  }
  work.parkings.length = 0;
  work.blocked.clear();
  work.position = 0n;
  work.events = 0;
  await createShadow(connection, prepared);
  await createIndexes(connection, prepared);
  await catchUp(work, head);
}

async function buildInMemory(work: Rebuild, connection: Connection, head: bigint): Promise<void> {
  const { prepared, pool } = work;
  const table = tableOf(prepared, shadowName(prepared));
  const shadow: Shadow = {
    load: (keys) => table.load(pool, keys),
    write: (rows) => table.write(pool, rows),
    fill: async (rows) => {
      await copyRows(connection, prepared, { table: shadowTable(prepared), rows: rows.values() });
      await createIndexes(connection, prepared, 'primary');
    },
  };
  const refold = createRefold(prepared, shadow, work, work.rowsMax);
  await eachBatch(work, head, (events) => refold.take(events));
  await refold.finish();
  await createIndexes(connection, prepared, 'others');
  await connection.query(`ANALYZE ${shadowTable(prepared)}`);
  work.position = head;
}

/** Applies events to the shadow table batch by batch, like the live projector. */
export async function catchUp(work: Rebuild, upTo: bigint): Promise<void> {
  const { prepared, pool } = work;
  if (upTo <= work.position) return;
  const table = tableOf(prepared, shadowName(prepared));
  const sink = {
    load: (keys: Iterable<string>) => table.load(pool, keys),
    commit: async (_position: bigint, { rows, parkings }: Parameters<Parameters<typeof project>[1]['commit']>[1]) => {
      await table.write(pool, rows);
      work.parkings.push(...parkings);
    },
  };
  work.torn = true;
  await eachBatch(work, upTo, (events) =>
    project(prepared, sink, work.blocked, { events, position: events.at(-1)!.position }),
  );
  work.position = upTo;
  work.torn = false;
}

/** Reads the events after the shadow table's position, up to `upTo`, without those that operators have skipped. */
async function eachBatch(
  work: Rebuild,
  upTo: bigint,
  take: (events: readonly RecordedEvent[]) => Promise<void>,
): Promise<void> {
  const { store, prepared, position: after, skipped } = work;
  let batch: RecordedEvent[] = [];
  const give = async (): Promise<void> => {
    const events = skipped.size === 0 ? batch : batch.filter(({ id }) => !skipped.has(id));
    if (events.length > 0) await take(events);
    work.events += batch.length;
    work.onProgress?.({ done: batch.at(-1)?.position ?? upTo, total: upTo, events: work.events });
    checkOn(work);
    batch = [];
  };
  for await (const events of scan(store, { types: [...prepared.changes.keys()], after, upTo })) {
    batch = batch.length === 0 ? [...events] : batch.concat(events);
    if (batch.length >= BATCH_EVENTS) await give();
  }
  await give();
}

function checkOn({ signal, parkings, prepared }: Rebuild): void {
  signal?.throwIfAborted();
  if (parkings.length <= PARKINGS_MAX) return;
  const first = parkings[0]!;
  throw new Error(
    `projection ${prepared.name} cannot apply ${parkings.length} events, the first (${first.event.id}) because: ${first.reason}`,
  );
}
