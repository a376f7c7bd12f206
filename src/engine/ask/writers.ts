import { LRUCache } from 'lru-cache';
import { ANONYMOUS, type Actor } from '../decide/command.ts';

/** Users whose last own write is remembered. */
export const WRITERS_REMEMBERED_MAX = 100_000;

/** What each user wrote last, so that they are answered from no earlier state. */
export interface Writers {
  /** Once it resolves, everybody who shares this memory knows. Never rejects. */
  wrote(actor: Actor, position: bigint): void | Promise<void>;
  /** As far as it can be told without waiting; undefined when it cannot. */
  known(actor: Actor): bigint | undefined;
  lastOf(actor: Actor): bigint | Promise<bigint>;
}

/** As a memory of this process alone. */
export interface LocalWriters extends Writers {
  wrote(actor: Actor, position: bigint): void;
  lastOf(actor: Actor): bigint;
  /** Whether the user was seen before. */
  has(actor: Actor): boolean;
}

/**
 * Someone not seen before may have been written by an anonymous caller a moment ago (who registered, who signed in), so
 * what those wrote last counts for them too.
 */
export function createWriters(): LocalWriters {
  const last = new LRUCache<string, bigint>({ max: WRITERS_REMEMBERED_MAX });
  let lastAnonymous = 0n;
  const lastOf = (actor: Actor): bigint => {
    if (actor.id === ANONYMOUS.id) return 0n;
    const known = last.get(actor.id);
    if (known !== undefined) return known;
    last.set(actor.id, lastAnonymous);
    return lastAnonymous;
  };
  return {
    wrote(actor, position) {
      if (actor.id !== ANONYMOUS.id) {
        if (position > (last.get(actor.id) ?? -1n)) last.set(actor.id, position);
      } else if (position > lastAnonymous) lastAnonymous = position;
    },
    known: lastOf,
    lastOf,
    has: ({ id }) => last.has(id),
  };
}
