import { delayAfter, isOver, rest, type Backoff } from '../platform/backoff.ts';
import type { Logger } from '../platform/log.ts';
import { type LoosePictures, SWEEP } from './loose.ts';
import type { PictureStorage } from './storage.ts';

const INTERVAL_MS = 1_000;
const FAILED: Backoff = { delayMs: 1_000, delayMaxMs: 60_000 };
/** The first sweep of a shop, and the time between two. */
const SWEEP_FIRST_MS = 600_000;
const SWEEP_EVERY_MS = 6 * 3_600_000;
/** Files that are younger than this are left alone by a sweep, ms. A repeat under an idempotency key may still take them up for a day. */
const SWEEP_AGE_MS = 48 * 3_600_000;
/** Pictures of one sweep, at most. */
export const SWEPT_MAX = 10_000;

export interface TidyOptions {
  readonly loose: LoosePictures;
  readonly storage: PictureStorage;
  /**
   * Those of these keys that a product or a store shows, once the read models have reached the end of the log. Rejects when they do
   * not get there: a picture that was recorded and is not shown yet must not go.
   */
  readonly shown: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
  /** ISO 8601 UTC. */
  readonly now: () => string;
  readonly log: Logger;
  readonly intervalMs?: number;
}

export interface Tidy {
  start(): void;
  stop(): Promise<void>;
}

type Looking = Pick<TidyOptions, 'storage' | 'shown'>;

/** Those of these pictures that nothing shows. */
async function unshownOf({ shown }: Looking, keys: readonly string[]): Promise<readonly string[]> {
  if (keys.length === 0) return [];
  const kept = await shown(keys);
  return keys.filter((key) => !kept.has(key));
}

async function removeUnshown(looking: Looking, keys: readonly string[]): Promise<void> {
  for (const key of await unshownOf(looking, keys)) await looking.storage.remove(key);
}

export interface SweepOptions extends Looking {
  readonly now: () => string;
  /** Leaves younger files alone, ms. */
  readonly ageMs?: number;
  /** Ends after this many pictures. */
  readonly limit?: number;
  /** Removes nothing. */
  readonly dryRun?: boolean;
}

/**
 * Finds the files of every picture that nothing shows, whatever has left them behind, and removes them. Returns how many pictures
 * that were; the limit means that there may be more.
 */
export async function sweep(options: SweepOptions): Promise<number> {
  const { now, ageMs = SWEEP_AGE_MS, limit = SWEPT_MAX, dryRun = false, ...looking } = options;
  const before = Date.parse(now()) - ageMs;
  let found = 0;
  let previous: ReadonlySet<string> = new Set();
  for await (const page of looking.storage.list()) {
    // The files of one picture may lie on both sides of the end of a page.
    const fresh = page.filter(({ key }) => !previous.has(key));
    previous = new Set(page.map(({ key }) => key));
    const old = fresh.flatMap(({ key, writtenAt }) => (writtenAt < before ? [key] : []));
    const unshown = (await unshownOf(looking, old)).slice(0, limit - found);
    if (!dryRun) for (const key of unshown) await looking.storage.remove(key);
    found += unshown.length;
    if (found >= limit) break;
  }
  return found;
}

/**
 * Looks at the loose pictures whose time has come. Any number of processes may do so at once. From time to time it counts what a sweep
 * would remove and says so; it removes nothing of that, because a folder or bucket that another shop uses too looks the same.
 */
export function createTidy(options: TidyOptions): Tidy {
  const { loose, log, intervalMs = INTERVAL_MS } = options;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function turn(): Promise<void> {
    const taken = await loose.take();
    const pictures = taken.filter((key) => key !== SWEEP);
    await removeUnshown(options, pictures);
    await loose.settle(pictures);
    if (!taken.includes(SWEEP)) return;
    await loose.settle([SWEEP]);
    await loose.planSweep(SWEEP_EVERY_MS);
    const found = await sweep({ ...options, dryRun: true });
    if (found > 0)
      log.warn({ found }, 'there are pictures that nothing shows: "cartulary pictures sweep" removes them');
  }

  async function live(): Promise<void> {
    let failures = 0;
    let planned = false;
    while (!isOver(stopping.signal)) {
      try {
        if (!planned) await loose.planSweep(SWEEP_FIRST_MS);
        planned = true;
        await turn();
        failures = 0;
      } catch (error) {
        failures += 1;
        log.warn({ err: error, failures }, 'pictures that nothing shows could not be removed; trying again');
      }
      await rest(failures === 0 ? intervalMs : delayAfter(FAILED, failures), stopping.signal);
    }
  }

  return {
    start() {
      running ??= live();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
