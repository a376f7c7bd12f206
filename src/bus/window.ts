/**
 * What a consumer has begun and not finished, by position. `lowWater` is the checkpoint: everything up to it is done, and it
 * is the position of an event (or the start), because that is all a log can be followed from.
 * Events finished beyond it are kept by id until the low water passes them, so that they can be remembered across a crash.
 */
export interface Window {
  /** Position of the last event read, whether or not it was wanted. */
  readonly read: bigint;
  readonly lowWater: bigint;
  /** Begun and not finished. */
  readonly unfinished: number;
  /** Finished, remembered in the database or about to be, and above the low water. */
  readonly beyond: number;
  /** Positions are passed in ascending order. */
  pass(position: bigint): void;
  /** The position passed last is begun. */
  begin(position: bigint): void;
  isOpen(position: bigint): boolean;
  /** With `id`, the event is remembered while it lies above the low water; without, someone else remembers it. */
  finish(position: bigint, id?: string): void;
  /** Finished above the low water and not yet handed out; handing them out again takes `restore`. */
  takeUnremembered(): readonly Finished[];
  restore(events: readonly Finished[]): void;
}

export interface Finished {
  readonly id: string;
  readonly position: bigint;
}

export function createWindow(start: bigint): Window {
  let read = start;
  /** Passed before the one passed last. */
  let previous = start;
  /** Position and the one passed before it. In ascending order, because positions are begun in that order: the first is the lowest. */
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
