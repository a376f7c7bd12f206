/** Tags whose last change is remembered, at most. All older tags share one position: the highest of theirs. */
const CHANGES_REMEMBERED_MAX = 50_000;

/**
 * Remembers the position of the last change of each resource, by the tags of what shows it. So no caller gets an answer from
 * before a change that was acknowledged to another caller.
 */
export interface Changes {
  note(tags: Iterable<string>, position: bigint): void;
  /** Every change of what has one of these tags is at this position or before it. */
  lastOf(tags: readonly string[]): bigint;
}

/** A memory of this process alone. */
export function createChanges(tagsMax = CHANGES_REMEMBERED_MAX): Changes {
  const last = new Map<string, bigint>();
  let forgotten = 0n;
  function forgetOldest(): void {
    const [tag, position] = last.entries().next().value!;
    last.delete(tag);
    if (position > forgotten) forgotten = position;
  }
  return {
    note(tags, position) {
      for (const tag of tags) {
        const known = last.get(tag) ?? 0n;
        last.delete(tag);
        last.set(tag, known > position ? known : position);
        if (last.size > tagsMax) forgetOldest();
      }
    },
    lastOf(tags) {
      let highest = 0n;
      for (const tag of tags) {
        const position = last.get(tag) ?? forgotten;
        if (position > highest) highest = position;
      }
      return highest;
    },
  };
}
