import { createGenerations } from '../../platform/generations.ts';

/** Tags whose last change is remembered, at most. All older tags share one position: the highest of theirs. */
const CHANGES_REMEMBERED_MAX = 50_000;
/** Positions of this process's own appends that are remembered, at most. */
const APPENDS_REMEMBERED_MAX = 10_000;
/** Stands for every tag. */
export const ANYTHING = '*';

/**
 * The position of the last change of each resource, by the tags of what shows it. So no caller gets an answer from before a change
 * that was acknowledged to another caller.
 */
export interface LastChanges {
  /** Every change that this process made to anything is at this position or before it. */
  readonly latest: bigint;
  /** Every change that this process made to what has one of these tags is at this position or before it. */
  known(tags: readonly string[]): bigint;
  /** The same for the changes of every process that shares the memory. Never rejects. */
  lastOf(tags: readonly string[]): bigint | Promise<bigint>;
  /**
   * Call it before a command is answered. Once it resolves, every process that shares the memory knows the changes up to the command's
   * position. One that this process has not made itself (a repeat finds it in the log) counts for every tag. Never rejects.
   */
  told(position: bigint): void | Promise<void>;
}

/** Knows no changes. */
export const NO_CHANGES: LastChanges = { latest: 0n, known: () => 0n, lastOf: () => 0n, told: () => undefined };

/** A memory of this process alone. */
export interface Changes extends LastChanges {
  note(tags: readonly string[], position: bigint): void;
  lastOf(tags: readonly string[]): bigint;
  /** Calls the listener with each change from now on. */
  onNoted(listener: (tags: readonly string[], position: bigint) => void): void;
}

export function createChanges(tagsMax = CHANGES_REMEMBERED_MAX): Changes {
  let forgotten = 0n;
  const last = createGenerations<string, bigint>(tagsMax, (position) => {
    if (position > forgotten) forgotten = position;
  });
  const listeners: Parameters<Changes['onNoted']>[0][] = [];
  const made = createGenerations<bigint, true>(APPENDS_REMEMBERED_MAX);
  let anything = 0n;
  let latest = 0n;
  function lastOf(tags: readonly string[]): bigint {
    let highest = anything;
    for (const tag of tags) {
      const position = last.get(tag) ?? forgotten;
      if (position > highest) highest = position;
    }
    return highest;
  }
  function note(tags: readonly string[], position: bigint): void {
    for (const tag of tags) {
      if (tag === ANYTHING) anything = position > anything ? position : anything;
      else if (position > (last.get(tag) ?? forgotten)) last.set(tag, position);
    }
    if (position > latest) latest = position;
    made.set(position, true);
    for (const listener of listeners) listener(tags, position);
  }
  return {
    get latest() {
      return latest;
    },
    note,
    known: lastOf,
    lastOf,
    told(position) {
      if (!made.has(position)) note([ANYTHING], position);
    },
    onNoted: (listener) => void listeners.push(listener),
  };
}
