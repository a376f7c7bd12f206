import type { Logger } from '../../platform/log.ts';
import type { Progress } from './progress.ts';
import { createRounds, type Rounds } from '../../platform/backoff.ts';

/** How often a process reads the checkpoints of other processes when no query waits for them. */
const WATCH_INTERVAL_MS = 500;

export interface WatchOptions {
  readonly progress: Progress;
  /** Names of the projections that this process's answers read. */
  readonly names: readonly string[];
  readonly log: Logger;
  readonly intervalMs?: number;
}

/**
 * For a process that answers queries and runs no projections. It reads the checkpoints of other processes even when no query
 * waits for them, so that its cache is invalidated soon after they change a read model.
 */
export const createWatch = ({ progress, names, log, intervalMs = WATCH_INTERVAL_MS }: WatchOptions): Rounds =>
  createRounds(async () => {
    try {
      await progress.refresh(names);
    } catch (error) {
      log.warn({ err: error }, "the checkpoints of other processes' projections could not be read");
    }
  }, intervalMs);
