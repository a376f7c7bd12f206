import { hash } from 'node:crypto';
import type { Cache, CachedAnswer } from '../../cache/cache.ts';
import type { Actor } from '../decide/context.ts';
import type { Services } from '../decide/services.ts';
import { unavailable } from '../../errors.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { QueryAnswer, QueryContract, ReadDb } from './query.ts';
import type { Changes } from './changes.ts';
import { createWriters, type Writers } from './writers.ts';

/** Longest wait, in ms, of a query for its projections to pass a position. After that it is refused. */
const POSITION_WAIT_MAX_MS = 2_000;
/** Attempts to read rows without a connection that breaks meanwhile. After that the query is refused. */
const READS_MAX = 3;
/** Characters of the answer's digest that follow the revision in the ETag. */
const FINGERPRINT_LENGTH = 12;

/** The positions of the projections, as one process knows them. */
export interface Progress {
  /** The highest position that all of these projections have passed. */
  position(names: readonly string[]): bigint;
  /** True when this process itself runs all of these projections. Then `position` advances only after its cache was invalidated. */
  isOwn(names: readonly string[]): boolean;
  /** Resolves true once all of these have passed the position, false after `timeoutMs`. */
  waitFor(names: readonly string[], position: bigint, timeoutMs: number): Promise<boolean>;
  /** How often positions were forgotten, because a crash of the database may have taken the last commits of projections. */
  readonly doubts: number;
}

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
  readonly changes?: Pick<Changes, 'lastOf'> | undefined;
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
  /** Records a caller's write. Once it resolves, this caller's queries include that position. */
  wrote(actor: Actor, position: bigint): void | Promise<void>;
}

const tooLate = (): Error =>
  unavailable('ReadModelBehind', 'Your last change is not visible to queries yet; try again in a moment.');

/**
 * The ETag is the revision and a digest of the answer. The revision alone is not enough: an answer also shows data that
 * changes without an event in the resource's own stream (a product shows its stock).
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

/** The tags of what a query reads. Without a cache rule any change of its read models counts. */
const tagsOf = ({ cache, reads }: QueryContract, input: Input): readonly string[] => cache?.tags(input) ?? reads;

/**
 * Answers queries. An answer includes every acknowledged change of what it shows, if the read model reaches it in time. Callers always see their own writes: when an answer cannot include them within
 * `POSITION_WAIT_MAX_MS`, the query is refused (`unavailable`) instead of answered from stale data.
 */
export function createAsk(options: AskOptions): Ask {
  const { cache, db, store, services, progress, inspect, now = () => new Date() } = options;
  const waitMaxMs = options.waitMaxMs ?? POSITION_WAIT_MAX_MS;
  const writers = options.writers ?? createWriters();
  const { changes } = options;
  const keyOf = (query: QueryContract, input: Input): string => `${query.name}:${query.cache?.key(input) ?? ''}`;

  const atLeast = (own: bigint, { minPosition }: Question): bigint =>
    minPosition !== undefined && minPosition > own ? minPosition : own;

  /** The position that an answer will include. A query without projections reads the log itself, so it waits for nothing. */
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

  /** Rows that were read after a crash may be older than the position that was known before it. Then they are read again. */
  const runAt = async (question: Question, passed: bigint, since: number): Promise<CachedAnswer> => {
    for (let reads = 1, doubts = since; reads <= READS_MAX; reads += 1) {
      const answer = await run(question);
      if (progress.doubts === doubts) return answer;
      doubts = progress.doubts;
      await positionFor(question.query, passed);
    }
    throw tooLate();
  };

  /**
   * Waits for other callers' changes too, and adds them to what the answer must include. One that does not come in time is left
   * out: a caller that did not make it gets an older answer rather than none.
   */
  const withOthers = async ({ query, input }: Question, own: bigint): Promise<bigint> => {
    const others = changes?.lastOf(tagsOf(query, input)) ?? 0n;
    if (others <= own || query.reads.length === 0) return own;
    const isThere =
      progress.position(query.reads) >= others || (await progress.waitFor(query.reads, others, waitMaxMs));
    return isThere ? others : own;
  };

  return {
    wrote: (actor, position) => writers.wrote(actor, position),

    peek(question) {
      const { query, input } = question;
      if (query.cache === undefined) return undefined;
      const own = writers.known(question.actor);
      const position = progress.position(query.reads);
      if (own === undefined || position < atLeast(own, question)) return undefined;
      if (changes !== undefined && position < changes.lastOf(query.cache.tags(input))) return undefined;
      const found = cache.peek(keyOf(query, input));
      return found === undefined ? undefined : { answer: found, position };
    },

    async answer(question) {
      const { query, input } = question;
      const own = atLeast(await writers.lastOf(question.actor), question);
      const { doubts } = progress;
      const needs = await withOthers(question, own);
      const passed = await positionFor(query, needs);
      if (query.cache === undefined) return { answer: await runAt(question, passed, doubts), position: passed };
      const announced = progress.isOwn(query.reads) ? passed : 0n;
      const wanted = { ttlMs: query.cache.ttlMs, tags: query.cache.tags(input), needs, passed, announced };
      return cache.get(keyOf(query, input), wanted, () => runAt(question, passed, doubts));
    },
  };
}
