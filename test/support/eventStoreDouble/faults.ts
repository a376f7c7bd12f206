import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createSignal } from '../../../src/platform/signal.ts';

/** The server's current faults. Numbers say how many of the next requests are affected. */
interface FaultSettings {
  /** Appends that are recorded and never answered. */
  repliesDropped: number;
  /** Appends that get lost on their way: neither recorded nor answered. */
  appendsLost: number;
  /** Appends that are recorded but answered as a wrong expected version, like one that the network sent twice. */
  wrongVersions: number;
  /** Appends answered "Server Is Busy", unrecorded. */
  busy: number;
  /** Appends that end their whole batch stream with NotLeader, unrecorded. */
  notLeader: number;
  /** Requests for the server's features fail with an internal error. */
  featuresFailing: number;
  /** Reads refused as unavailable. */
  readsUnavailable: number;
  /** Delay of every answer, ms. */
  slowMs: number;
  /** No request is answered, and nothing recorded, until this is false again. */
  stalled: boolean;
  /** Subscriptions stay open and send nothing. */
  silent: boolean;
  /** Reads of streams carry no position, like those of servers before 22.6. */
  withoutPositions: boolean;
  /** Commit positions differ from prepare positions, as those of explicit transactions do. */
  transactions: boolean;
}

type Counted = {
  [Name in keyof FaultSettings]: Name extends 'slowMs' ? never : FaultSettings[Name] extends number ? Name : never;
}[keyof FaultSettings];

export interface Faults {
  readonly now: FaultSettings;
  set(settings: Partial<FaultSettings>): void;
  /** Whether a counted fault hits this request. Takes one from the count if so. */
  takes(name: Counted): boolean;
  /** Waits as long as the current faults delay a request. */
  gate(): Promise<void>;
  /** Resolves when subscriptions may send events. */
  audible(signal: AbortSignal): Promise<void>;
}

const NONE: FaultSettings = {
  repliesDropped: 0,
  appendsLost: 0,
  wrongVersions: 0,
  busy: 0,
  notLeader: 0,
  featuresFailing: 0,
  readsUnavailable: 0,
  slowMs: 0,
  stalled: false,
  silent: false,
  withoutPositions: false,
  transactions: false,
};

export function createFaults(): Faults {
  const now = { ...NONE };
  const changed = createSignal();
  const forever = new AbortController().signal;
  setMaxListeners(0, forever);

  async function until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds() && !signal.aborted) await changed.next(changed.count, { signal });
  }

  return {
    now,
    set(settings) {
      Object.assign(now, settings);
      changed.raise();
    },
    takes(name) {
      if (now[name] === 0) return false;
      now[name] -= 1;
      return true;
    },
    async gate() {
      if (now.slowMs > 0) await delay(now.slowMs);
      await until(() => !now.stalled, forever);
    },
    audible: (signal) => until(() => !now.silent, signal),
  };
}
