/**
 * A consumer's unfinished events, by position. `lowWater` is the checkpoint: every event up to it is done. It is always the
 * position of an event (or the start), because a log can only be followed from there. Events finished above it are kept by
 * id until the low water passes them, so that they can be stored and survive a crash.
 */
export interface Window {
  /** Position of the last event read, wanted or not. */
  readonly read: bigint;
  readonly lowWater: bigint;
  /** Number of events that are started and not finished. */
  readonly unfinished: number;
  /** Number of events finished above the low water, stored in the database or about to be. */
  readonly beyond: number;
  /** Records that this position was read. Call it in ascending order. */
  pass(position: bigint): void;
  /** Starts the event at the position that was passed last. Throws for any other position. */
  begin(position: bigint): void;
  isOpen(position: bigint): boolean;
  /** Finishes an event. With `id` it is kept while above the low water; without, it is stored elsewhere (parked). */
  finish(position: bigint, id?: string): void;
  /** Returns the events finished above the low water since the last call. `restore` puts them back. */
  takeUnremembered(): readonly Finished[];
  restore(events: readonly Finished[]): void;
}

interface Finished {
  readonly id: string;
  readonly position: bigint;
}

export function createWindow(start: bigint): Window {
  let read = start;
  /** The position passed before `read`. */
  let previous = start;
  /** Started position, and the position passed before it. Positions start in ascending order, so the first is the lowest. */
  const open = new Map<bigint, bigint>();
  const beyond = new Map<bigint, string>();
  const unremembered = new Map<bigint, string>();

  const lowWater = (): bigint => {
    for (const below of open.values()) return below;
    return read;
  };
  const drop = (): void => {
    const mark = lowWater();
    for (const position of beyond.keys()) if (position <= mark) beyond.delete(position);
    for (const position of unremembered.keys()) if (position <= mark) unremembered.delete(position);
  };

  return {
    get read() {
      return read;
    },
    get lowWater() {
      return lowWater();
    },
    get unfinished() {
      return open.size;
    },
    get beyond() {
      return beyond.size;
    },
    pass: (position) => {
      if (position <= read) return;
      previous = read;
      read = position;
    },
    begin: (position) => {
      if (position !== read) throw new RangeError(`position ${position} is begun after ${read} was passed`);
      open.set(position, previous);
    },
    isOpen: (position) => open.has(position),
    finish: (position, id) => {
      open.delete(position);
      if (id === undefined || position <= lowWater()) return;
      beyond.set(position, id);
      unremembered.set(position, id);
    },
    takeUnremembered: () => {
      drop();
      const taken = [...unremembered].map(([position, id]) => ({ id, position }));
      unremembered.clear();
      return taken;
    },
    restore: (events) => {
      for (const { id, position } of events) unremembered.set(position, id);
    },
  };
}
