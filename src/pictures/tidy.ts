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
export const SWEEP_AGE_MS = 48 * 3_600_000;

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

/** Removes the files of those of these pictures that nothing shows. Returns how many pictures that were. */
async function removeUnshown({ storage, shown }: Looking, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  const kept = await shown(keys);
  const gone = keys.filter((key) => !kept.has(key));
  for (const key of gone) await storage.remove(key);
  return gone.length;
}

export interface SweepOptions extends Looking {
  readonly now: () => string;
  /** Leaves younger files alone, ms. */
  readonly ageMs?: number;
  /** Removes nothing. */
  readonly dryRun?: boolean;
}

/** Removes the files of every picture that nothing shows, whatever has left them behind. Returns how many pictures that were. */
export async function sweep({ now, ageMs = SWEEP_AGE_MS, dryRun = false, ...looking }: SweepOptions): Promise<number> {
  const before = Date.parse(now()) - ageMs;
  let removed = 0;
  for await (const page of looking.storage.list()) {
    const old = page.flatMap(({ key, writtenAt }) => (writtenAt < before ? [key] : []));
    if (dryRun) {
      const kept = old.length === 0 ? new Set() : await looking.shown(old);
      removed += old.filter((key) => !kept.has(key)).length;
    } else removed += await removeUnshown(looking, old);
  }
  return removed;
}

/** Looks at the loose pictures whose time has come, and sweeps from time to time. Any number of processes may do so at once. */
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
    const removed = await sweep(options);
    if (removed > 0) log.warn({ removed }, 'files of pictures that nothing shows were removed');
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
