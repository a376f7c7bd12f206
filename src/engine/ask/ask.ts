import { hash } from 'node:crypto';
import type { Cache, CachedAnswer } from '../../cache/cache.ts';
import { isRefusal } from '../../errors.ts';
import { type Actor, ANONYMOUS } from '../decide/context.ts';
import type { Services } from '../decide/services.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { QueryAnswer, QueryContract, ReadDb } from './query.ts';
import { type LastChanges, NO_CHANGES } from './changes.ts';
import { createCursors } from './cursor.ts';
import { createReach, type Progress, tooLate } from './reach.ts';
import { createWriters, type Writers } from './writers.ts';

/** Longest wait, in ms, of a query for its projections to pass a position. After that it is refused. */
const POSITION_WAIT_MAX_MS = 2_000;
/** Attempts to read rows without a connection that breaks meanwhile. After that the query is refused. */
const READS_MAX = 3;
/** Characters of the answer's digest that follow the revision in the ETag. */
const FINGERPRINT_LENGTH = 12;

type Input = Parameters<QueryContract['run']>[0];

export interface Question {
  readonly query: QueryContract;
  readonly input: Input;
  readonly actor: Actor;
  /** The caller's `Min-Position` header. */
  readonly minPosition?: bigint;
}

export interface Asked {
  readonly answer: CachedAnswer;
  /** The answer includes every event up to here. */
  readonly position: bigint;
  /** For this caller alone: no shared cache may store it. */
  readonly isOwn?: true;
}

export interface AskOptions {
  readonly cache: Cache;
  readonly db: ReadDb;
  readonly store: EventStore;
  readonly services: Services;
  readonly progress: Progress;
  /** Default: a memory of this process alone. */
  readonly writers?: Writers;
  /** The last change of each resource by anyone. Default: only the callers' own changes are waited for. */
  readonly changes?: LastChanges | undefined;
  /** Seals cursors. Default: a key of its own, so that no other process accepts them. */
  readonly cursorKey?: Buffer;
  readonly now?: () => Date;
  readonly waitMaxMs?: number;
  /** Gets each answer before it is sent. Tests use it to check answers against the declared result. */
  readonly inspect?: (query: QueryContract, answer: QueryAnswer) => void;
}

export interface Ask {
  /** The cached answer, if there is one and the caller need not wait for a position. Never blocks. */
  peek(question: Question): Asked | undefined;
  /** Waits for the caller's own last write, then answers from the cache or by running the query. */
  answer(question: Question): Promise<Asked>;
  /**
   * Records a caller's write. Once it resolves, this caller's queries include that position, and other callers' queries what it
   * changed.
   */
  wrote(actor: Actor, position: bigint): void | Promise<void>;
}

/** The part of the ETag that `If-Match` compares. */
export const countedIn = (revision: bigint, beside: string | undefined): string =>
  beside === undefined ? String(revision) : `${revision}~${beside}`;

/**
 * The ETag is the revision and a digest of the answer. The revision alone is not enough: an answer also shows data that
 * changes without an event in the resource's own stream (a product shows its stock).
 */
function toCached({ data, pagination, revision, beside }: QueryAnswer): CachedAnswer {
  const json = JSON.stringify(data);
  return {
    json,
    bytes: Buffer.byteLength(json),
    ...(pagination === undefined ? {} : { pagination: JSON.stringify(pagination) }),
    ...(revision === undefined
      ? {}
      : { revision: `${countedIn(revision, beside)}.${hash('sha1', json, 'base64url').slice(0, FINGERPRINT_LENGTH)}` }),
  };
}

/** The tags of what a query reads. Without a cache rule any change of its read models counts. */
const tagsOf = ({ cache, reads }: QueryContract, input: Input): readonly string[] => cache?.tags(input) ?? reads;

/** Asks again, for the caller alone, what nobody else finds. */
const withOwnAnswers = (ask: Ask): Ask => ({
  ...ask,
  async answer(question) {
    const { cache: _shared, ownRun, ...query } = question.query;
    if (ownRun === undefined || question.actor.role === ANONYMOUS.role) return ask.answer(question);
    try {
      return await ask.answer(question);
    } catch (error) {
      if (!isRefusal(error) || error.kind !== 'notFound') throw error;
      return { ...(await ask.answer({ ...question, query: { ...query, run: ownRun } })), isOwn: true };
    }
  },
});

/**
 * Answers queries. An answer includes every acknowledged change of what it shows, if the read model reaches it in time. Callers
 * always see their own writes: when an answer cannot include them within `POSITION_WAIT_MAX_MS`, the query is refused
 * (`unavailable`) instead of answered from stale data.
 */
export const createAsk = (options: AskOptions): Ask => withOwnAnswers(createShared(options));

function createShared(options: AskOptions): Ask {
  const { cache, db, store, services, progress, inspect, now = () => new Date() } = options;
  const { waitMaxMs = POSITION_WAIT_MAX_MS, writers = createWriters(), changes = NO_CHANGES } = options;
  const reach = createReach({ progress, store, waitMaxMs });
  const cursorsOf = createCursors(options.cursorKey);
  const keyOf = (query: QueryContract, input: Input): string => `${query.name}:${query.cache?.key(input) ?? ''}`;

  const atLeast = (own: bigint, { minPosition }: Question): bigint =>
    minPosition !== undefined && minPosition > own ? minPosition : own;

  const run = async (asked: Question): Promise<CachedAnswer> => {
    const { query, input, actor } = asked;
    const context = { actor, now: now().toISOString(), db, cursors: cursorsOf(asked), store, services };
    const answer = await query.run(input, context);
    inspect?.(query, answer);
    return toCached(answer);
  };

  /** Rows that were read after a crash may be older than the position that was known before it. Then they are read again. */
  const runAt = async (question: Question, passed: bigint, since: number): Promise<CachedAnswer> => {
    for (let reads = 1, doubts = since; reads <= READS_MAX; reads += 1) {
      const answer = await run(question);
      if (progress.doubts === doubts) return answer;
      doubts = progress.doubts;
      await reach.position(question.query, passed);
    }
    throw tooLate();
  };

  /** All that may need a network call before a query is answered, in one round trip: the caller's last write, anyone's last change. */
  const look = async ({ query, input, actor }: Question) => {
    const tags = tagsOf(query, input);
    const writing = writers.lastOf(actor);
    const looking = query.cache && cache.look(keyOf(query, input), tags);
    const changing = looking === undefined ? changes.lastOf(tags) : changes.known(tags);
    const sight = looking === undefined ? undefined : await looking;
    const known = typeof changing === 'bigint' ? changing : await changing;
    const last = typeof writing === 'bigint' ? writing : await writing;
    const changed = sight?.changed ?? 0n;
    const others = changed > known ? changed : known;
    return { sight, last, others: query.reads.length === 0 ? 0n : others };
  };

  return {
    wrote(actor, position) {
      const wrote = writers.wrote(actor, position);
      const told = changes.told(position);
      return wrote === undefined ? told : wrote.then(() => told);
    },

    peek(question) {
      const { query, input } = question;
      if (query.cache === undefined) return undefined;
      const own = writers.known(question.actor);
      const position = progress.position(query.reads);
      if (own === undefined || position < atLeast(own, question)) return undefined;
      if (position < changes.latest && position < changes.known(query.cache.tags(input))) return undefined;
      const found = cache.peek(keyOf(query, input));
      return found === undefined ? undefined : { answer: found, position };
    },

    async answer(question) {
      const { query, input } = question;
      const announcedBefore = reach.announced(query, progress.position(query.reads));
      const { sight, last, others } = await look(question);
      const own = atLeast(last, question);
      const found = sight?.found({ needs: others > own ? others : own, announced: announcedBefore });
      if (found !== undefined) return found;
      const { doubts } = progress;
      const needs = await reach.withOthers(query, own, others);
      const passed = await reach.position(query, needs);
      if (query.cache === undefined) return { answer: await runAt(question, passed, doubts), position: passed };
      const announced = reach.announced(query, passed);
      const wanted = { ttlMs: query.cache.ttlMs, tags: query.cache.tags(input), needs, passed, announced };
      return cache.get(keyOf(query, input), wanted, () => runAt(question, passed, doubts));
    },
  };
}
