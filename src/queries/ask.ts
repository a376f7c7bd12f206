import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Cache, CachedAnswer } from '../cache/cache.ts';
import { ANONYMOUS, type Actor } from '../commands/command.ts';
import type { Services } from '../commands/services.ts';
import { unavailable } from '../errors.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import type { QueryAnswer, QueryContract, ReadDb } from './query.ts';

/** How long a query waits for its projections to pass a position before it says that it cannot. */
export const POSITION_WAIT_MAX_MS = 2_000;
/** Users whose last own write is remembered. */
export const WRITERS_REMEMBERED_MAX = 100_000;
/** Of the digest of an answer, as it stands behind the revision in the ETag. */
const FINGERPRINT_LENGTH = 12;

/** How far the projections are, as one process sees it. */
export interface Progress {
  /** The furthest position that all of these have passed. */
  position(names: readonly string[]): bigint;
  /** Resolves true once all of these have passed the position, false when time is up before. */
  waitFor(names: readonly string[], position: bigint, timeoutMs: number): Promise<boolean>;
}

type Input = Parameters<QueryContract['run']>[0];

export interface Question {
  readonly query: QueryContract;
  readonly input: Input;
  readonly actor: Actor;
  /** Asked for by the caller (`Min-Position`). */
  readonly minPosition?: bigint;
}

export interface Asked {
  readonly answer: CachedAnswer;
  /** The answer includes every event up to here. */
  readonly position: bigint;
}

export interface AskOptions {
  readonly cache: Cache;
  readonly db: ReadDb;
  readonly store: EventStore;
  readonly services: Services;
  readonly progress: Progress;
  readonly now?: () => Date;
  readonly waitMaxMs?: number;
  /** Sees each answer before it is sent; tests check it against the declared result here. */
  readonly inspect?: (query: QueryContract, answer: QueryAnswer) => void;
}

export interface Ask {
  /** The cached answer, when there is one and nothing has to be waited for; never blocks. */
  peek(question: Question): Asked | undefined;
  /** Waits for the caller's own last write, then answers from the cache or by running the query. */
  answer(question: Question): Promise<Asked>;
  /** From now on this caller's queries include that position. */
  wrote(actor: Actor, position: bigint): void;
}

const tooLate = (): Error =>
  unavailable('ReadModelBehind', 'What was written last is not readable yet; try again in a moment.');

/**
 * The revision alone would not do as an ETag: an answer also shows what changes beside the resource's own stream (a
 * product its stock), and must not be called unchanged then.
 */
function toCached({ data, pagination, revision }: QueryAnswer): CachedAnswer {
  const json = JSON.stringify(data);
  return {
    json,
    bytes: Buffer.byteLength(json),
    ...(pagination === undefined ? {} : { pagination: JSON.stringify(pagination) }),
    ...(revision === undefined
      ? {}
      : { revision: `${revision}.${hash('sha1', json, 'base64url').slice(0, FINGERPRINT_LENGTH)}` }),
  };
}

/**
 * Remembers what each user wrote last. Someone not seen before may have been written by an anonymous caller a moment
 * ago (who registered, who signed in), so what those wrote last counts for them too.
 */
function createWriters() {
  const last = new LRUCache<string, bigint>({ max: WRITERS_REMEMBERED_MAX });
  let lastAnonymous = 0n;
  return {
    wrote(actor: Actor, position: bigint): void {
      if (actor.id !== ANONYMOUS.id) {
        if (position > (last.get(actor.id) ?? -1n)) last.set(actor.id, position);
      } else if (position > lastAnonymous) lastAnonymous = position;
    },
    lastOf(actor: Actor): bigint {
      if (actor.id === ANONYMOUS.id) return 0n;
      const known = last.get(actor.id);
      if (known !== undefined) return known;
      last.set(actor.id, lastAnonymous);
      return lastAnonymous;
    },
  };
}

/**
 * Answers queries so that a caller always sees their own writes: an answer that cannot include them within
 * `POSITION_WAIT_MAX_MS` is refused (`unavailable`), never given stale.
 */
export function createAsk(options: AskOptions): Ask {
  const { cache, db, store, services, progress, inspect, now = () => new Date() } = options;
  const waitMaxMs = options.waitMaxMs ?? POSITION_WAIT_MAX_MS;
  const writers = createWriters();
  const keyOf = (query: QueryContract, input: Input): string => `${query.name}:${query.cache?.key(input) ?? ''}`;

  const needed = ({ actor, minPosition }: Question): bigint => {
    const own = writers.lastOf(actor);
    return minPosition !== undefined && minPosition > own ? minPosition : own;
  };

  /** A query that reads no projection reads the log itself, which is never behind. */
  const positionFor = async (question: Question): Promise<bigint> => {
    const { reads } = question.query;
    const wanted = needed(question);
    if (reads.length === 0) {
      const { position } = await store.head();
      if (position < wanted) throw tooLate();
      return position;
    }
    if (progress.position(reads) < wanted && !(await progress.waitFor(reads, wanted, waitMaxMs))) throw tooLate();
    return progress.position(reads);
  };

  const run = async ({ query, input, actor }: Question): Promise<CachedAnswer> => {
    const answer = await query.run(input, { actor, now: now().toISOString(), db, store, services });
    inspect?.(query, answer);
    return toCached(answer);
  };

  return {
    wrote: (actor, position) => writers.wrote(actor, position),

    peek(question) {
      const { query, input } = question;
      if (query.cache === undefined) return undefined;
      const position = progress.position(query.reads);
      if (position < needed(question)) return undefined;
      const found = cache.peek(keyOf(query, input));
      return found === undefined ? undefined : { answer: found, position };
    },

    async answer(question) {
      const { query, input } = question;
      const position = await positionFor(question);
      if (query.cache === undefined) return { answer: await run(question), position };
      const rule = { ttlMs: query.cache.ttlMs, tags: query.cache.tags(input) };
      return { answer: await cache.get(keyOf(query, input), rule, () => run(question)), position };
    },
  };
}
