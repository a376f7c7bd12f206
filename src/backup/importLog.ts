import { masterKeysOf } from '../eventstore/masterKeys.ts';
import { openIndexKey } from '../eventstore/shopKeys.ts';
import { pagesUpTo } from '../eventstore/scan.ts';
import type { EventStore, RecordedEvent } from '../eventstore/eventStore.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { takeLock } from '../platform/postgres/schemaLocks.ts';
import { createOrderedAppends } from './appending.ts';
import { hashLog } from './exportLog.ts';
import { areFollowersBarred, barFollowers, followerAtWork, setFollowers, type HandlersFrom } from './checkpoints.ts';
import { contentOf, isSame, type Content, type EventLine, type KeyLine } from './format.ts';
import { type Bringing, bringKeys } from './subjectKeys.ts';
import { contentOfLine, readExport, rowOf, type Verified } from './readExport.ts';

const KEYS_PAGE = 1_000;

export type ImportStep = 'verify' | 'compare' | 'append' | 'check';

export interface ImportOptions {
  readonly file: string;
  /** The result of `verifyExport` for the file. */
  readonly verified: Verified;
  readonly store: EventStore;
  readonly pool: Pool;
  readonly masterKey: Buffer;
  /** Other master keys that may have wrapped keys of the export. */
  readonly formerMasterKeys?: readonly Buffer[] | undefined;
  /** Names of all followers of the log except projections. */
  readonly followers: readonly string[];
  readonly handlers: HandlersFrom;
  /** Persons who are erased in the exported log. */
  readonly erased?: ReadonlySet<string>;
  /**
   * The stream that the first start of a shop writes. A log that holds nothing else counts as empty, and keeps its own events of this
   * stream; the import then leaves out those of the export.
   */
  readonly startStream: string;
  /** `total` is 0 while it is unknown. */
  readonly onProgress?: (step: ImportStep, done: number, total: number) => void;
}

export interface ImportResult {
  readonly events: number;
  /** Events of the export that were in the log already. */
  readonly known: number;
  readonly keys: number;
  /** Persons of the export who have been erased here: their keys were not added again. */
  readonly erased: number;
  readonly log_hash: string;
  /** Undefined when all events were there already and no earlier import was unfinished: then followers stay where they are. */
  readonly handlers: HandlersFrom | undefined;
}

/** Postgres keeps the lock of a process that has ended until it sees the end of its connection, which takes this long at most. */
const GONE_WAIT_MS = 2_000;

/** The log does not start with the events of the export, or has other ones. */
class LogDiffers extends Error {
  constructor(reason: string) {
    super(`this log holds something else than the export: ${reason}. Import into an empty one.`);
    this.name = 'LogDiffers';
  }
}

/**
 * Imports a verified export into a log that is empty or has the first events of it. After a kill, a second run continues where the first one stopped. Until the import has ended, handlers, relay and deadlines cannot
 * follow the log, so that they do not handle old events again.
 */
export async function importLog(options: ImportOptions): Promise<ImportResult> {
  const { pool } = options;
  const connection = await pool.connect();
  try {
    if (!(await takeLock(connection, { lock: 'import', waitMs: GONE_WAIT_MS })))
      throw new Error('another import into this shop is under way');
    const busy = await followerAtWork(pool);
    if (busy !== undefined) throw new Error(`a shop runs on this database (${busy} is at work): stop it first`);
    return await bring(options);
  } finally {
    connection.release(true);
  }
}

async function bring(options: ImportOptions): Promise<ImportResult> {
  const { store, pool, followers, handlers, startStream, verified } = options;
  const total = verified.trailer.events;
  const started = (await store.read(startStream, 0n, 1)).length > 0;
  const part = started ? { without: startStream, events: verified.rest.events } : { events: total };
  const found = await countKnown(options, part);
  const known = found + total - part.events;
  if (known < total) await barFollowers(pool, followers);
  const keys = known < total ? await bringKeys(pool, bringing(options)) : { brought: 0, erased: 0 };
  if (known < total) await append(options, part, found);
  const hash = await check(options, part);
  const unfinished = await areFollowersBarred(pool);
  if (unfinished) await setFollowers(pool, store, { names: followers, from: handlers });
  return {
    ...{ events: total, known, keys: keys.brought, erased: keys.erased, log_hash: hash },
    handlers: unfinished ? handlers : undefined,
  };
}

function bringing({ file, masterKey, formerMasterKeys, verified, erased = new Set() }: ImportOptions): Bringing {
  const { header, opener } = verified;
  const masterKeys = masterKeysOf(masterKey, formerMasterKeys);
  const row = header.index_key === undefined ? undefined : rowOf(header.index_key);
  const key = row === undefined ? undefined : openIndexKey(masterKeys, row);
  const indexKey = row === undefined || key === undefined ? opener : { key, mark: row.origin };
  return { pages: keysOf(file), masterKeys, indexKey, erased };
}

/** The part of an export that an import compares and appends: all of it, or all outside one stream. */
interface Part {
  readonly without?: string;
  readonly events: number;
}

/** The hash of what is in the log now. Rejects when that is not the export. */
async function check({ store, verified, onProgress }: ImportOptions, part: Part): Promise<string> {
  const { events: total, log_hash: expected } = verified.trailer;
  const onCheck = ({ events }: { events: number }): void => onProgress?.('check', events, total);
  const { log_hash: hash } = await hashLog(store, { eventsMax: total, onProgress: onCheck });
  if (hash === expected) return hash;
  if (part.without !== undefined) {
    const rest = await hashLog(store, { eventsMax: part.events, without: part.without, onProgress: onCheck });
    if (rest.log_hash === verified.rest.log_hash) return (await hashLog(store)).log_hash;
  }
  throw new LogDiffers(`its hash is ${hash}, that of the export ${expected}`);
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

async function* eventsOf(file: string, { without }: Part): AsyncGenerator<EventLine> {
  for await (const line of readExport(file)) {
    if (line.kind === 'event' && line.event.stream !== without) yield line.event;
  }
}

const told = ({ line: { id, stream, revision } }: Content): string => `${stream} #${revision} (event ${id})`;

async function* eventsIn(store: EventStore, { without }: Part, onPage: () => void): AsyncGenerator<RecordedEvent> {
  const { position: head } = await store.head();
  for await (const page of pagesUpTo(store, 0n, head)) {
    yield* page.filter(({ stream }) => stream !== without);
    onPage();
  }
}

/** The number of the export's events that are in the log already. Rejects when an event of the log differs from the export. */
async function countKnown({ store, file, onProgress }: ImportOptions, part: Part): Promise<number> {
  const lines = eventsOf(file, part);
  let known = 0;
  try {
    for await (const event of eventsIn(store, part, () => onProgress?.('compare', known, part.events))) {
      const line = await lines.next();
      // The log has all events of the export, and more: the shop went on after the export.
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

async function append({ store, file, onProgress }: ImportOptions, part: Part, known: number): Promise<void> {
  const appends = createOrderedAppends(store);
  let done = 0;
  for await (const event of eventsOf(file, part)) {
    done += 1;
    if (done <= known) continue;
    const { data, metadata } = contentOfLine(event);
    await appends.take(event, Buffer.byteLength(data) + Buffer.byteLength(metadata));
    onProgress?.('append', done, part.events);
  }
  await appends.flush();
}
