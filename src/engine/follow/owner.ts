import { setMaxListeners } from 'node:events';
import type { Logger } from '../../platform/log.ts';
import { isPassing } from '../../platform/postgres/sqlstate.ts';
import { isNewerVersion } from '../../eventstore/newer.ts';
import type { Lease } from './lease.ts';
import { reasonOf } from './retry.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';

/** Pause between two attempts to get a lease. */
const OWN_RETRY_MS = 500;
const RETRY_MS = 100;
/** Longest pauses between retries. An unreachable database comes back; any other failure needs a person, so it is logged less often. */
const RETRY_PASSING_MAX_MS = 2_000;
const RETRY_MAX_MS = 10_000;

/** The parts of a lease that an owner uses. The work uses the rest. */
export type Ownable = Pick<Lease, 'lost' | 'release'>;

/** Functions by which the work reports to its owner. */
export interface Owned {
  /** Logs and counts a failure that the work will retry. Returns the pause before the retry, ms. */
  readonly failed: (error: unknown) => number;
  /** The work makes progress: forgets earlier failures. */
  readonly succeeded: () => void;
  /** Keeps a failure that stops nothing as `lastError`. */
  readonly note: (error: unknown) => void;
}

export interface OwnerOptions<L extends Ownable> {
  readonly name: string;
  /** Returns undefined while another process has the lease. */
  readonly acquire: (stop: AbortSignal) => Promise<L | undefined>;
  /** Must run until `ended` aborts: when the owner is stopped or the lease is lost. */
  readonly work: (lease: L, ended: AbortSignal, owned: Owned) => Promise<void>;
  readonly log: Logger;
  readonly onFailure?: (reason: string) => void;
  readonly retryMs?: number;
}

export interface Owner {
  readonly name: string;
  readonly owned: boolean;
  /** Another process had the lease at the last attempt to get it. */
  readonly standby: boolean;
  readonly lastError: string | undefined;
  /** Resolves when `stop` has aborted, the work has ended and the lease is released. Never rejects. */
  live(stop: AbortSignal): Promise<void>;
}

/** Runs the work whenever this process can get its lease, until `stop` aborts. Retries after every failure. */
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
    // A process of the newer version shall get the lease, so this one does not ask for it soon.
    const pauseMs = isNewerVersion(error) ? RETRY_MAX_MS : delayAfter({ delayMs: RETRY_MS, delayMaxMs }, failures);
    note(error);
    log.error(
      { err: error, follower: name, failures, pauseMs },
      'a follower (projection, handler or relay) failed; trying again',
    );
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

  /** Returns the pause before the next turn, ms. An error after the lease was lost does not count as a failure. */
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
