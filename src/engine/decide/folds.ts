import { LRUCache } from 'lru-cache';
import { type Command, type Decider, fold } from './decider.ts';
import {
  type DomainEvent,
  type EventStore,
  NO_STREAM,
  READ_PAGE,
  type RecordedEvent,
} from '../../eventstore/eventStore.ts';
import type { Snapshots } from '../../eventstore/snapshots.ts';

export const CACHE_ENTRIES_MAX = 5_000;
export const SNAPSHOT_EVERY_EVENTS = 500;
/** So many commands per stream are known by id, so that most streams need not be asked whether one was handled before. */
export const COMMAND_IDS_MAX = 64;

export type AnyDecider = Decider<unknown, Command, DomainEvent>;

/** A stream, folded up to a revision. But for `commandIds` never mutated. */
export interface Folded {
  readonly decider: AnyDecider;
  readonly state: unknown;
  readonly revision: bigint;
  /** Of its last event; 0 when there is none. */
  readonly position: bigint;
  /** Revision of the last snapshot taken of it. */
  readonly snapshotRevision: bigint;
  /**
   * Every command that has an event in the stream, and maybe some too many: folds of one stream share it, and it grows.
   * Undefined when there are too many to know.
   */
  readonly commandIds: Set<string> | undefined;
}

/** What a batch has added to a fold. */
export interface Step {
  readonly state: unknown;
  readonly revision: bigint;
  readonly position: bigint;
  readonly commandIds: readonly string[];
}

export interface Folds {
  /** What is known here; may be behind another process. */
  cached(decider: AnyDecider, stream: string): Folded | undefined;
  /** From the log, and a snapshot if there is one. */
  load(decider: AnyDecider, stream: string): Promise<Folded>;
  /** With what is newer in the log; the same object when there is nothing. */
  refresh(stream: string, known: Folded): Promise<Folded>;
  /** With what has just been appended. */
  advance(stream: string, known: Folded, step: Step): void;
  /** The state as of a revision. */
  stateAt(decider: AnyDecider, stream: string, revision: bigint): Promise<unknown>;
  forget(stream: string): void;
}

export interface FoldsOptions {
  readonly store: EventStore;
  readonly snapshots?: Snapshots | undefined;
  readonly cacheEntries?: number | undefined;
  readonly snapshotEvery?: number | undefined;
}

/** A bounded cache of folded streams, and what fills it. */
export function createFolds(options: FoldsOptions): Folds {
  const { store, snapshots, cacheEntries = CACHE_ENTRIES_MAX, snapshotEvery = SNAPSHOT_EVERY_EVENTS } = options;
  const cache = new LRUCache<string, Folded>({ max: cacheEntries });
  /** A stream shorter than this has no snapshot, and need not be asked for one. */
  const firstPage = snapshots === undefined ? READ_PAGE : Math.min(READ_PAGE, snapshotEvery);

  function remember(stream: string, folded: Folded): Folded {
    const known = cache.get(stream);
    if (known !== undefined && known.decider === folded.decider && known.revision >= folded.revision) return folded;
    const { decider, state, revision, snapshotRevision } = folded;
    const due = snapshots !== undefined && revision - snapshotRevision >= BigInt(snapshotEvery);
    if (due) void snapshots.save(stream, decider.snapshotVersion, { revision, state });
    const kept = due ? { ...folded, snapshotRevision: revision } : folded;
    if (revision > NO_STREAM) cache.set(stream, kept);
    return kept;
  }

  /** Folds page by page, up to `end` (inclusive) if given. */
  async function read(stream: string, from: Folded, end?: bigint): Promise<Folded> {
    let folded = from;
    for (;;) {
      const left = end === undefined ? READ_PAGE : Number(end - folded.revision);
      if (left <= 0) return folded;
      const size = Math.min(left, READ_PAGE);
      const page = await store.read(stream, folded.revision + 1n, size);
      folded = withEvents(folded, page);
      if (page.length < size) return folded;
    }
  }

  /** The newest snapshot not beyond `end`, if the stream does reach as far as it says. */
  async function fromSnapshot(decider: AnyDecider, stream: string, end?: bigint): Promise<Folded | undefined> {
    const snapshot = await snapshots?.load(stream, decider.snapshotVersion);
    if (snapshot === undefined || (end !== undefined && snapshot.revision > end)) return undefined;
    const { state, revision } = snapshot;
    const [reached] = await store.read(stream, revision, 1);
    if (reached === undefined) return undefined;
    const { position } = reached;
    return { decider, state, revision, position, snapshotRevision: revision, commandIds: undefined };
  }

  async function load(decider: AnyDecider, stream: string): Promise<Folded> {
    const page = await store.read(stream, 0n, firstPage);
    const start = withEvents(nothing(decider), page);
    if (page.length < firstPage) return remember(stream, start);
    const snapshot = await fromSnapshot(decider, stream);
    return remember(stream, await read(stream, snapshot ?? start));
  }

  return {
    cached(decider, stream) {
      const known = cache.get(stream);
      return known?.decider === decider ? known : undefined;
    },
    load,
    async refresh(stream, known) {
      const folded = await read(stream, known);
      return folded === known ? known : remember(stream, folded);
    },
    advance(stream, { decider, snapshotRevision, commandIds }, step) {
      const { state, revision, position } = step;
      const ids = withIds(commandIds, step.commandIds);
      remember(stream, { decider, state, revision, position, snapshotRevision, commandIds: ids });
    },
    async stateAt(decider, stream, revision) {
      const known = cache.get(stream);
      if (known?.decider === decider && known.revision === revision) return known.state;
      const start = (await fromSnapshot(decider, stream, revision)) ?? nothing(decider);
      return (await read(stream, start, revision)).state;
    },
    forget: (stream) => void cache.delete(stream),
  };
}

const nothing = (decider: AnyDecider): Folded => ({
  decider,
  state: decider.initial,
  revision: NO_STREAM,
  position: 0n,
  snapshotRevision: NO_STREAM,
  commandIds: new Set(),
});

function withEvents(folded: Folded, events: readonly RecordedEvent[]): Folded {
  const last = events.at(-1);
  if (last === undefined) return folded;
  const commandIds = withIds(
    folded.commandIds,
    events.map(({ metadata }) => metadata.commandId),
  );
  const { revision, position } = last;
  return { ...folded, state: fold(folded.decider, folded.state, events), revision, position, commandIds };
}

function withIds(known: Set<string> | undefined, ids: readonly string[]): Set<string> | undefined {
  if (known === undefined) return undefined;
  for (const id of ids) known.add(id);
  return known.size > COMMAND_IDS_MAX ? undefined : known;
}
