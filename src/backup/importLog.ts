import { pagesUpTo } from '../eventstore/scan.ts';
import type { EventStore, RecordedEvent } from '../eventstore/eventStore.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { createOrderedAppends } from './appending.ts';
import { hashLog } from './exportLog.ts';
import { areFollowersBarred, barFollowers, followerAtWork, setFollowers, type HandlersFrom } from './checkpoints.ts';
import { contentOf, isSame, type Content, type EventLine, type KeyLine } from './format.ts';
import { bringKeys } from './subjectKeys.ts';
import { contentOfLine, readExport, verifyExport, type Verified } from './readExport.ts';

/** Namespace of the advisory lock by which one import runs at a time. */
const IMPORT_LOCK = 0x696d706f;
const KEYS_PAGE = 1_000;

export type ImportStep = 'verify' | 'compare' | 'append' | 'check';

export interface ImportOptions {
  readonly file: string;
  readonly store: EventStore;
  readonly pool: Pool;
  readonly masterKey: Buffer;
  /** Everybody who follows the log and is no projection. */
  readonly followers: readonly string[];
  readonly handlers: HandlersFrom;
  /** `total` is 0 while it is not known yet. */
  readonly onProgress?: (step: ImportStep, done: number, total: number) => void;
}

export interface ImportResult {
  readonly events: number;
  /** Those of them that were in the log already. */
  readonly known: number;
  readonly keys: number;
  /** Persons of the export who were erased here since: their keys were not brought back. */
  readonly erased: number;
  readonly log_hash: string;
  /** Undefined when everything was there already, and followers were left where they are. */
  readonly handlers: HandlersFrom | undefined;
}

/** The log holds something that the export does not, or in another place. */
export class LogDiffers extends Error {
  constructor(reason: string) {
    super(`this log holds something else than the export: ${reason}. Import into an empty one.`);
    this.name = 'LogDiffers';
  }
}

/**
 * Brings an export into a log that is empty or holds a beginning of it. The export is verified before anything is changed.
 * Killed at any point it has brought a beginning; run again, it goes on from there. Until it has ended, handlers, relay and
 * deadlines cannot follow the log: what they did once, they must not do again.
 */
export async function importLog(options: ImportOptions): Promise<ImportResult> {
  const { file, masterKey, pool, onProgress } = options;
  const verified = await verifyExport(file, masterKey, (events) => onProgress?.('verify', events, 0));
  const connection = await pool.connect();
  try {
    const { rows } = await connection.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
      IMPORT_LOCK,
    ]);
    if (rows[0]?.locked !== true) throw new Error('another import into this shop is under way');
    const busy = await followerAtWork(pool);
    if (busy !== undefined) throw new Error(`a shop runs on this database (${busy} is at work): stop it first`);
    return await bring(options, verified);
  } finally {
    connection.release(true);
  }
}

async function bring(options: ImportOptions, { trailer }: Verified): Promise<ImportResult> {
  const { store, pool, file, followers, handlers, onProgress } = options;
  const { events: total, log_hash: expected } = trailer;
  const known = await countKnown(options, total);
  if (known < total) await barFollowers(pool, followers);
  const keys = known < total ? await bringKeys(pool, keysOf(file)) : { brought: 0, erased: 0 };
  if (known < total) await append(options, known, total);
  const onCheck = ({ events }: { events: number }): void => onProgress?.('check', events, total);
  const { log_hash: hash } = await hashLog(store, { eventsMax: total, onProgress: onCheck });
  if (hash !== expected) throw new LogDiffers(`its hash is ${hash}, that of the export ${expected}`);
  const unfinished = await areFollowersBarred(pool);
  if (unfinished) await setFollowers(pool, store, { names: followers, from: handlers });
  return {
    ...{ events: total, known, keys: keys.brought, erased: keys.erased, log_hash: hash },
    handlers: unfinished ? handlers : undefined,
  };
}

async function* keysOf(file: string): AsyncGenerator<readonly KeyLine[]> {
  let page: KeyLine[] = [];
  for await (const line of readExport(file)) {
    if (line.kind === 'header') continue;
    if (line.kind !== 'key') break;
    page.push(line.key);
    if (page.length < KEYS_PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function* eventsOf(file: string): AsyncGenerator<EventLine> {
  for await (const line of readExport(file)) if (line.kind === 'event') yield line.event;
}

const told = ({ line: { id, stream, revision } }: Content): string => `${stream} #${revision} (event ${id})`;

async function* eventsIn(store: EventStore, onPage: () => void): AsyncGenerator<RecordedEvent> {
  const { position: head } = await store.head();
  for await (const page of pagesUpTo(store, 0n, head)) {
    yield* page;
    onPage();
  }
}

/** How many events of the export the log holds already; rejects unless it begins with just these. */
async function countKnown({ store, file, onProgress }: ImportOptions, total: number): Promise<number> {
  const lines = eventsOf(file);
  let known = 0;
  try {
    for await (const event of eventsIn(store, () => onProgress?.('compare', known, total))) {
      const line = await lines.next();
      // A shop that has gone on since holds more than the export, and nothing else.
      if (line.done === true) break;
      const [here, there] = [contentOf(event), contentOfLine(line.value)];
      if (!isSame(here, there))
        throw new LogDiffers(`at event ${known + 1} it has ${told(here)}, the export ${told(there)}`);
      known += 1;
    }
    return known;
  } finally {
    await lines.return(undefined);
  }
}

async function append({ store, file, onProgress }: ImportOptions, known: number, total: number): Promise<void> {
  const appends = createOrderedAppends(store);
  let done = 0;
  for await (const event of eventsOf(file)) {
    done += 1;
    if (done <= known) continue;
    const { data, metadata } = contentOfLine(event);
    await appends.take(event, Buffer.byteLength(data) + Buffer.byteLength(metadata));
    onProgress?.('append', done, total);
  }
  await appends.flush();
}
