import type { EventStore } from '../../eventstore/eventStore.ts';
import { createRounds, type Rounds } from '../../platform/backoff.ts';
import type { Progress } from './progress.ts';

/** A read model that is behind the log and has not moved for this long stands still. */
const STILL_MS = 10_000;
/** How often positions are compared. */
const LOOK_MS = 1_000;

export interface AdvanceOptions {
  readonly progress: Pick<Progress, 'own' | 'others'>;
  readonly store: Pick<EventStore, 'head'>;
  readonly names: readonly string[];
  readonly stillMs?: number;
  readonly lookMs?: number;
}

export interface Advance extends Rounds {
  /** Rejects while the read model stands still. */
  check(name: string): Promise<void>;
}

interface Behind {
  readonly position: bigint;
  readonly since: number;
}

/** Watches whether read models advance, in whichever process they are projected. */
export function createAdvance(options: AdvanceOptions): Advance {
  const { progress, store, names, stillMs = STILL_MS, lookMs = LOOK_MS } = options;
  const behind = new Map<string, Behind>();

  async function look(): Promise<void> {
    const { position: head } = await store.head();
    const others = await progress.others(names);
    const now = performance.now();
    for (const name of names) {
      const position = progress.own().get(name) ?? others.get(name) ?? 0n;
      if (position >= head) behind.delete(name);
      else if (behind.get(name)?.position !== position) behind.set(name, { position, since: now });
    }
  }

  return {
    // A log or a database that does not answer has a check of its own.
    ...createRounds(() => look().catch(() => undefined), lookMs),
    check(name) {
      const known = behind.get(name);
      const stillFor = known === undefined ? 0 : performance.now() - known.since;
      if (stillFor <= stillMs) return Promise.resolve();
      const seconds = Math.round(stillFor / 1_000);
      return Promise.reject(
        new Error(`${name} stands at position ${known!.position} for ${seconds} s, behind the log`),
      );
    },
  };
}
