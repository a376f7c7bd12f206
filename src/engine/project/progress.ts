import { onLost, type Pool } from '../../platform/postgres/pool.ts';
import type { PassedOverOptions } from './passedOver.ts';
import { createSeen, type Listener } from './seen.ts';
import { createPoll, highestOf, leastOf, waitIn, type Waiter } from './waiters.ts';

export interface Progress {
  /** The highest position that all of these projections have passed, as far as this process knows. */
  position(names: readonly string[]): bigint;
  /** True when this process itself runs all of these projections. Then `position` advances only after its cache was invalidated. */
  isOwn(names: readonly string[]): boolean;
  /** Resolves true once all of these have passed the position (at once if they have), false after `timeoutMs`. */
  waitFor(names: readonly string[], position: bigint, timeoutMs: number): Promise<boolean>;
  /** The projections that this process runs, with their positions. */
  own(): ReadonlyMap<string, bigint>;
  /** The named projections that other processes run, with their checkpoints, read now. */
  others(names: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** This process's projector calls it after each commit. `undefined`: this process does not run the projection (any more). */
  set(name: string, position: bigint | undefined): void;
  /** Reads the checkpoints of the projections that other processes run. */
  refresh(names: readonly string[]): Promise<void>;
  /** Awaits the listener when checkpoints of other processes have moved, before `position` and waiters see the new positions. */
  onOthersMoved(listener: Listener): void;
  /**
   * How often a connection to Postgres has broken. Projections commit without waiting for the disk, so a crash of Postgres takes
   * their last commits. All positions are forgotten then, and a projector begins again at its checkpoint.
   */
  readonly doubts: number;
}

export interface ProgressOptions {
  /** Reads the checkpoints. */
  readonly pool: Pool;
  /** Other pools of this process on the same Postgres. Their connections break in a crash, too. */
  readonly beside?: readonly Pool[];
  /** The log and its projections: then a waiting query need not wait for the row of a checkpoint that has nothing to apply. */
  readonly log?: PassedOverOptions;
}

/**
 * The positions of the projections, as one process knows them. Its own are exact. Those of other processes come from their
 * checkpoints; one loop reads them for all waiters.
 */
export function createProgress({ pool, beside = [], log }: ProgressOptions): Progress {
  const own = new Map<string, bigint>();
  const waiters = new Set<Waiter>();
  const listeners: Listener[] = [];
  let doubts = 0;

  const isOthers = (name: string): boolean => !own.has(name);

  const seen = createSeen(pool, listeners, log);
  const positionOf = (name: string): bigint => own.get(name) ?? seen.position(name);
  const position = (names: readonly string[]): bigint => leastOf(names, positionOf);

  function tell(): void {
    for (const waiter of waiters) {
      if (position(waiter.names) < waiter.position) continue;
      waiters.delete(waiter);
      waiter.resolve(true);
    }
  }

  async function refresh(names: readonly string[]): Promise<void> {
    if (await seen.refresh(names.filter(isOthers))) tell();
  }

  function doubt(): void {
    doubts += 1;
    own.clear();
    seen.forget();
    if (waiters.size > 0) void poll();
  }
  for (const one of [pool, ...beside]) onLost(one, doubt);

  async function lookAgain(): Promise<void> {
    const names = [...new Set([...waiters].flatMap((waiter) => waiter.names))].filter(isOthers);
    await refresh(names);
    if (waiters.size === 0) return;
    await seen.passOver(names, highestOf(waiters));
    tell();
  }

  const poll = createPoll(waiters, lookAgain);

  return {
    position(names) {
      if (seen.isOld() && names.some(isOthers)) refresh(names).catch(() => undefined);
      return position(names);
    },
    get doubts() {
      return doubts;
    },
    own: () => own,
    async others(names) {
      await refresh(names);
      return new Map(names.filter(isOthers).map((name) => [name, positionOf(name)]));
    },
    isOwn: (names) => !names.some(isOthers),
    waitFor(names, wanted, timeoutMs) {
      if (position(names) >= wanted) return Promise.resolve(true);
      const waiting = waitIn(waiters, { names, position: wanted }, timeoutMs);
      if (names.some(isOthers)) void poll();
      return waiting;
    },
    set(name, now) {
      if (now === undefined) own.delete(name);
      else own.set(name, now);
      if (waiters.size === 0) return;
      tell();
      if (now === undefined) void poll();
    },
    refresh,
    onOthersMoved(listener) {
      listeners.push(listener);
    },
  };
}
