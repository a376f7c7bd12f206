import { LRUCache } from 'lru-cache';
import { ANONYMOUS, type Actor } from '../decide/context.ts';

/** Users whose last write is remembered, at most. */
const WRITERS_REMEMBERED_MAX = 100_000;

/** Remembers the position of each user's last write, so that no answer to them comes from an earlier state. */
export interface Writers {
  /** Once it resolves, every process that shares this memory knows the position. Never rejects. */
  wrote(actor: Actor, position: bigint): void | Promise<void>;
  /** The position, if it is known without waiting; otherwise undefined. */
  known(actor: Actor): bigint | undefined;
  lastOf(actor: Actor): bigint | Promise<bigint>;
}

/** A memory of this process alone. */
export interface LocalWriters extends Writers {
  wrote(actor: Actor, position: bigint): void;
  lastOf(actor: Actor): bigint;
  /** Whether the user was seen before. */
  has(actor: Actor): boolean;
}

/**
 * A new user may be an anonymous caller of a moment ago, after registering or signing in. So the last anonymous write
 * counts for a user who was not seen before.
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
