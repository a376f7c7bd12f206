import { setMaxListeners } from 'node:events';
import type { Logger } from '../../platform/log.ts';
import { isPassing } from '../../platform/postgres/pool.ts';
import type { Lease } from './lease.ts';
import { reasonOf } from './retry.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';

/** How often a process that does not own a work asks for its lease. */
export const OWN_RETRY_MS = 500;
const RETRY_MS = 100;
/** A database that is away comes back; any other failure wants a human, who need not be called every second. */
const RETRY_PASSING_MAX_MS = 2_000;
const RETRY_MAX_MS = 10_000;

/** All that an owner asks of a lease: what the lease moves is a matter of the work. */
export type Ownable = Pick<Lease, 'lost' | 'release'>;

/** What the work tells its owner. */
export interface Owned {
  /** A failure that the work outlives and tries again: logged and counted. Answers how long to pause before, ms. */
  readonly failed: (error: unknown) => number;
  /** The work gets on: earlier failures are over. */
  readonly succeeded: () => void;
  /** A failure that holds up nothing. */
  readonly note: (error: unknown) => void;
}

export interface OwnerOptions<L extends Ownable> {
  readonly name: string;
  /** Answers undefined while another process has the lease. */
  readonly acquire: (stop: AbortSignal) => Promise<L | undefined>;
  /** Runs until `ended` aborts: the owner is stopped, or the lease is lost. */
  readonly work: (lease: L, ended: AbortSignal, owned: Owned) => Promise<void>;
  readonly log: Logger;
  readonly onFailure?: (reason: string) => void;
  readonly retryMs?: number;
}

export interface Owner {
  readonly name: string;
  readonly owned: boolean;
  /** Another process owned it when it was last asked for. */
  readonly standby: boolean;
  readonly lastError: string | undefined;
  /** Resolves when `stop` has aborted, the work has ended and the lease is given back. Never rejects. */
  live(stop: AbortSignal): Promise<void>;
}

/** Does a work whenever no other process does it, for as long as this process lives. */
export function createOwner<L extends Ownable>(options: OwnerOptions<L>): Owner {
  const { name, acquire, work, log, onFailure, retryMs = OWN_RETRY_MS } = options;
  const state = { owned: false, standby: false, lastError: undefined as string | undefined };
  let failures = 0;

  const note = (error: unknown): void => {
    state.lastError = reasonOf(error);
  };
  const failed = (error: unknown): number => {
    failures += 1;
    const delayMaxMs = isPassing(error) ? RETRY_PASSING_MAX_MS : RETRY_MAX_MS;
    const pauseMs = delayAfter({ delayMs: RETRY_MS, delayMaxMs }, failures);
    note(error);
    log.error({ err: error, follower: name, failures, pauseMs }, 'a follower does not get on; trying again');
    onFailure?.(reasonOf(error));
    return pauseMs;
  };
  const succeeded = (): void => {
    failures = 0;
    state.lastError = undefined;
  };

  async function own(lease: L, stop: AbortSignal): Promise<void> {
    const over = new AbortController();
    const ended = AbortSignal.any([stop, lease.lost, over.signal]);
    setMaxListeners(0, ended);
    state.owned = true;
    try {
      if (!isOver(stop)) await work(lease, ended, { failed, succeeded, note });
    } finally {
      state.owned = false;
      over.abort();
      await lease.release().catch(note);
    }
  }

  /** Answers how long to pause before the next turn, ms. What fails for want of the lease is no failure. */
  async function turn(stop: AbortSignal): Promise<number> {
    let lease: L | undefined;
    try {
      lease = await acquire(stop);
      state.standby = lease === undefined;
      if (lease !== undefined) await own(lease, stop);
      failures = 0;
    } catch (error) {
      if (isOver(stop)) log.debug({ err: error, follower: name }, 'a follower failed while it was stopped');
      else if (lease?.lost.aborted !== true) return failed(error);
    }
    return lease?.lost.aborted === true ? 0 : retryMs;
  }

  return {
    name,
    get owned() {
      return state.owned;
    },
    get standby() {
      return state.standby;
    },
    get lastError() {
      return state.lastError;
    },
    async live(stop) {
      while (!isOver(stop)) await rest(await turn(stop), stop);
    },
  };
}
