import { unavailable } from '../../errors.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { QueryContract } from './query.ts';

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

export const tooLate = (): Error =>
  unavailable('ReadModelBehind', 'Your last change is not visible to queries yet; try again in a moment.');

interface ReachOptions {
  readonly progress: Progress;
  readonly store: EventStore;
  readonly waitMaxMs: number;
}

type Read = Pick<QueryContract, 'reads'>;

/** The waits of a query for its read models. */
export function createReach({ progress, store, waitMaxMs }: ReachOptions) {
  const reaches = async (reads: readonly string[], wanted: bigint): Promise<boolean> =>
    progress.position(reads) >= wanted || progress.waitFor(reads, wanted, waitMaxMs);

  return {
    /** The part of a position whose invalidations all went through this process's cache. */
    announced: ({ reads }: Read, position: bigint): bigint => (progress.isOwn(reads) ? position : 0n),

    /** The position that an answer will include. A query without projections reads the log itself, so it waits for nothing. */
    async position({ reads }: Read, wanted: bigint): Promise<bigint> {
      if (reads.length === 0) {
        const { position } = await store.head();
        if (position < wanted) throw tooLate();
        return position;
      }
      if (!(await reaches(reads, wanted))) throw tooLate();
      return progress.position(reads);
    },

    /**
     * Waits for other callers' changes too, and adds them to what the answer must include. One that does not come in time is left
     * out: a caller that did not make it gets an older answer rather than none.
     */
    async withOthers({ reads }: Read, own: bigint, others: bigint): Promise<bigint> {
      return others > own && (await reaches(reads, others)) ? others : own;
    },
  };
}
