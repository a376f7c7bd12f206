import { LRUCache } from 'lru-cache';
import { type Command, type Decider, fold, type Made } from './decider.ts';
import {
  type DomainEvent,
  type EventStore,
  NO_STREAM,
  READ_PAGE,
  type RecordedEvent,
} from '../../eventstore/eventStore.ts';
import type { Snapshots } from '../../eventstore/snapshots.ts';

const CACHE_ENTRIES_MAX = 5_000;
const SNAPSHOT_EVERY_EVENTS = 500;
/** Command ids remembered per stream, at most. While all are known, a new command needs no look-up in the log. */
const COMMAND_IDS_MAX = 64;

export type AnyDecider = Decider<unknown, Command, DomainEvent>;

/** A stream, folded up to a revision. Never mutated, except `commandIds`. */
export interface Folded {
  readonly decider: AnyDecider;
  readonly state: unknown;
  readonly revision: bigint;
  /** Of the last event; 0 when there is none. */
  readonly position: bigint;
  /** The id of the last event; empty when there is none. */
  readonly eventId: string;
  /** Revision of the stream's last snapshot, as far as this process knows. */
  readonly snapshotRevision: bigint;
  /**
   * The ids of all commands with an event in the stream, and possibly more: the folds of one stream share this growing
   * set. Undefined when not all are known: above `COMMAND_IDS_MAX`, or after a load from a snapshot.
   */
  readonly commandIds: Set<string> | undefined;
}

/** The result of a batch on a fold. */
interface Step {
  readonly state: unknown;
  readonly revision: bigint;
  readonly position: bigint;
  /** The events that were appended, at least one. */
  readonly events: readonly Pick<RecordedEvent, 'id'>[];
  readonly commandIds: readonly string[];
}

export interface Folds {
  /** The fold in memory. It may lack newer events of another process. */
  cached(decider: AnyDecider, stream: string): Folded | undefined;
  /** Folds the stream from the log, starting at a snapshot if there is one. */
  load(decider: AnyDecider, stream: string): Promise<Folded>;
  /** Adds newer events from the log. Returns the same object when there are none. */
  refresh(stream: string, known: Folded): Promise<Folded>;
  /** Stores the fold with the events that were just appended. */
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

interface ReadOptions {
  readonly end?: bigint;
  readonly made?: Made;
}

/** A bounded cache of folded streams. It loads them from the log and from snapshots, and saves snapshots. */
export function createFolds(options: FoldsOptions): Folds {
  const { store, snapshots, cacheEntries = CACHE_ENTRIES_MAX, snapshotEvery = SNAPSHOT_EVERY_EVENTS } = options;
  const cache = new LRUCache<string, Folded>({ max: cacheEntries });
  /** A stream with fewer events than this has no snapshot, so none is looked up. */
  const firstPage = snapshots === undefined ? READ_PAGE : Math.min(READ_PAGE, snapshotEvery);

  function remember(stream: string, folded: Folded): Folded {
    const known = cache.get(stream);
    if (known !== undefined && known.decider === folded.decider && known.revision >= folded.revision) return folded;
    const { decider, state, revision, eventId, snapshotRevision } = folded;
    const due = snapshots !== undefined && revision - snapshotRevision >= BigInt(snapshotEvery);
    if (due) void snapshots.save(stream, decider.snapshotVersion, { revision, eventId, state });
    const kept = due ? { ...folded, snapshotRevision: revision } : folded;
    if (revision > NO_STREAM) cache.set(stream, kept);
    return kept;
  }

  /** Folds page by page, up to revision `end` (inclusive) if given. `made`: of the fold that made `from`, which is then no longer used. */
  async function read(stream: string, from: Folded, { end, made = new WeakSet() }: ReadOptions = {}): Promise<Folded> {
    let folded = from;
    for (;;) {
      const left = end === undefined ? READ_PAGE : Number(end - folded.revision);
      if (left <= 0) return folded;
      const size = Math.min(left, READ_PAGE);
      const page = await store.read(stream, folded.revision + 1n, size);
      folded = withEvents(folded, page, made);
      if (page.length < size) return folded;
    }
  }

  /**
   * The stream's snapshot, unless it is beyond `end`, or the log does not have its event at its revision: the log was restored
   * from a backup since, and may have grown again.
   */
  async function fromSnapshot(decider: AnyDecider, stream: string, end?: bigint): Promise<Folded | undefined> {
    const snapshot = await snapshots?.load(stream, decider.snapshotVersion);
    if (snapshot === undefined || (end !== undefined && snapshot.revision > end)) return undefined;
    const { state, revision, eventId } = snapshot;
    const [reached] = await store.read(stream, revision, 1);
    if (reached?.id !== eventId) return undefined;
    const { position } = reached;
    return { decider, state, revision, position, eventId, snapshotRevision: revision, commandIds: undefined };
  }

  async function load(decider: AnyDecider, stream: string): Promise<Folded> {
    const page = await store.read(stream, 0n, firstPage);
    const made: Made = new WeakSet();
    const start = withEvents(nothing(decider), page, made);
    if (page.length < firstPage) return remember(stream, start);
    const snapshot = await fromSnapshot(decider, stream);
    return remember(stream, await read(stream, snapshot ?? start, { made }));
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
      const { state, revision, position, events } = step;
      const eventId = events.at(-1)!.id;
      const ids = withIds(commandIds, step.commandIds);
      remember(stream, { decider, state, revision, position, eventId, snapshotRevision, commandIds: ids });
    },
    async stateAt(decider, stream, revision) {
      const known = cache.get(stream);
      if (known?.decider === decider && known.revision === revision) return known.state;
      const start = (await fromSnapshot(decider, stream, revision)) ?? nothing(decider);
      return (await read(stream, start, { end: revision })).state;
    },
    forget: (stream) => void cache.delete(stream),
  };
}

const nothing = (decider: AnyDecider): Folded => ({
  decider,
  state: decider.initial,
  revision: NO_STREAM,
  position: 0n,
  eventId: '',
  snapshotRevision: NO_STREAM,
  commandIds: new Set(),
});

function withEvents(folded: Folded, events: readonly RecordedEvent[], made: Made): Folded {
  const last = events.at(-1);
  if (last === undefined) return folded;
  const commandIds = withIds(
    folded.commandIds,
    events.map(({ metadata }) => metadata.commandId),
  );
  const { revision, position, id: eventId } = last;
  const state = fold(folded.decider, folded.state, events, made);
  return { ...folded, state, revision, position, eventId, commandIds };
}

function withIds(known: Set<string> | undefined, ids: readonly string[]): Set<string> | undefined {
  if (known === undefined) return undefined;
  for (const id of ids) known.add(id);
  return known.size > COMMAND_IDS_MAX ? undefined : known;
}
