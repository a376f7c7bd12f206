import type { EventStore } from '../eventstore/eventStore.ts';
import { pagesUpTo } from '../eventstore/scan.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import {
  contentOf,
  createFileHash,
  createLogHash,
  eventLine,
  FORMAT,
  FORMAT_WITH_INDEX_KEY,
  type Header,
  type Trailer,
} from './format.ts';
import { indexKeyToExport, keyPages } from './subjectKeys.ts';

/** Characters per chunk. */
const CHUNK_CHARS = 256 * 1024;

export interface ExportProgress {
  /** Current position, and the position where the export ends. */
  readonly done: bigint;
  readonly total: bigint;
  readonly events: number;
}

export interface ExportOptions {
  readonly store: EventStore;
  /** The database with the persons' keys. */
  readonly pool: Pool;
  readonly onProgress?: (progress: ExportProgress) => void;
}

/** A running export. `trailer` (counts and hash) is undefined until all chunks are read. */
export interface Export {
  readonly chunks: AsyncGenerator<string>;
  readonly trailer: Trailer | undefined;
}

/**
 * The log up to its current head, with the persons' keys, as lines of JSON. The shop may keep running: keys are read after the
 * head is known, so every person in the exported events has a key in the export, unless the person was erased.
 */
export function exportLog(options: ExportOptions): Export {
  let trailer: Trailer | undefined;
  return {
    chunks: inChunks(closed(lines(options), (done) => (trailer = done))),
    get trailer() {
      return trailer;
    },
  };
}

/** Passes the lines through, and adds the last one. */
async function* closed(
  all: AsyncGenerator<string, Trailer>,
  onEnd: (trailer: Trailer) => void,
): AsyncGenerator<string> {
  const hash = createFileHash();
  for (let next = await all.next(); ; next = await all.next()) {
    if (next.done === true) {
      const trailer = { ...next.value, file_hash: hash.value() };
      yield JSON.stringify(trailer);
      onEnd(trailer);
      return;
    }
    hash.add(next.value);
    yield next.value;
  }
}

async function* lines({ store, pool, onProgress }: ExportOptions): AsyncGenerator<string, Trailer> {
  const { epoch, position: head } = await store.head();
  const own = await indexKeyToExport(pool);
  const header: Header = {
    ...{ cartulary: 'log', format: own === undefined ? FORMAT : FORMAT_WITH_INDEX_KEY },
    ...{ made_at: new Date().toISOString(), epoch, head: String(head) },
    ...(own === undefined ? {} : { index_key: own }),
  };
  yield JSON.stringify(header);
  let keys = 0;
  for await (const page of keyPages(pool)) {
    keys += page.length;
    for (const key of page) yield JSON.stringify(key);
  }
  const hash = createLogHash();
  for await (const page of pagesUpTo(store, 0n, head)) {
    for (const event of page) {
      const content = contentOf(event);
      hash.add(content.line, content.data, content.metadata);
      yield eventLine(content);
    }
    onProgress?.({ done: page.at(-1)!.position, total: head, events: hash.events });
  }
  return { keys, events: hash.events, log_hash: hash.value() };
}

async function* inChunks(all: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const line of all) {
    text += `${line}\n`;
    if (text.length < CHUNK_CHARS) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

export interface HashOptions {
  readonly onProgress?: ExportOptions['onProgress'];
  readonly eventsMax?: number;
  /** A stream whose events are left out. */
  readonly without?: string;
}

/** The hash of the log up to its current head, or of its first `eventsMax` events. */
export async function hashLog(
  store: EventStore,
  { onProgress, eventsMax = Infinity, without }: HashOptions = {},
): Promise<{ events: number; log_hash: string }> {
  const { position: head } = await store.head();
  const hash = createLogHash();
  for await (const page of pagesUpTo(store, 0n, head)) {
    for (const event of page) {
      if (hash.events >= eventsMax) break;
      if (event.stream === without) continue;
      const { line, data, metadata } = contentOf(event);
      hash.add(line, data, metadata);
    }
    onProgress?.({ done: page.at(-1)!.position, total: head, events: hash.events });
    if (hash.events >= eventsMax) break;
  }
  return { events: hash.events, log_hash: hash.value() };
}
