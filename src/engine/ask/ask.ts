import { hash } from 'node:crypto';
import type { Cache, CachedAnswer } from '../../cache/cache.ts';
import type { Actor } from '../decide/command.ts';
import type { Services } from '../decide/services.ts';
import { unavailable } from '../../errors.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { QueryAnswer, QueryContract, ReadDb } from './query.ts';
import { createWriters, type Writers } from './writers.ts';

/** How long a query waits for its projections to pass a position before it says that it cannot. */
export const POSITION_WAIT_MAX_MS = 2_000;
/** Of the digest of an answer, as it stands behind the revision in the ETag. */
const FINGERPRINT_LENGTH = 12;

/** How far the projections are, as one process sees it. */
export interface Progress {
  /** The furthest position that all of these have passed. */
  position(names: readonly string[]): bigint;
  /** Whether this process itself projects all of these: then its cache hears of every change before `position` tells it. */
  isOwn(names: readonly string[]): boolean;
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
  /** What this process alone remembers unless given. */
  readonly writers?: Writers;
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
  /** Once it resolves, this caller's queries include that position. */
  wrote(actor: Actor, position: bigint): void | Promise<void>;
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
 * Answers queries so that a caller always sees their own writes: an answer that cannot include them within
 * `POSITION_WAIT_MAX_MS` is refused (`unavailable`), never given stale.
 */
export function createAsk(options: AskOptions): Ask {
  const { cache, db, store, services, progress, inspect, now = () => new Date() } = options;
  const waitMaxMs = options.waitMaxMs ?? POSITION_WAIT_MAX_MS;
  const writers = options.writers ?? createWriters();
  const keyOf = (query: QueryContract, input: Input): string => `${query.name}:${query.cache?.key(input) ?? ''}`;

  const atLeast = (own: bigint, { minPosition }: Question): bigint =>
    minPosition !== undefined && minPosition > own ? minPosition : own;

  /** A query that reads no projection reads the log itself, which is never behind. */
  const positionFor = async ({ reads }: QueryContract, wanted: bigint): Promise<bigint> => {
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
      const own = writers.known(question.actor);
      const position = progress.position(query.reads);
      if (own === undefined || position < atLeast(own, question)) return undefined;
      const found = cache.peek(keyOf(query, input));
      return found === undefined ? undefined : { answer: found, position };
    },

    async answer(question) {
      const { query, input } = question;
      const needs = atLeast(await writers.lastOf(question.actor), question);
      const passed = await positionFor(query, needs);
      if (query.cache === undefined) return { answer: await run(question), position: passed };
      const announced = progress.isOwn(query.reads) ? passed : 0n;
      const wanted = { ttlMs: query.cache.ttlMs, tags: query.cache.tags(input), needs, passed, announced };
      return cache.get(keyOf(query, input), wanted, () => run(question));
    },
  };
}
