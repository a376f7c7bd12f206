import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createSignal } from '../../../src/platform/signal.ts';

/** The server's current faults. Numbers say how many of the next requests are affected. */
interface FaultSettings {
  /** Appends that are recorded and never answered. */
  repliesDropped: number;
  /** Appends that get lost on their way: neither recorded nor answered. */
  appendsLost: number;
  /** Appends that are recorded and answered as a wrong expected version, as one is that the network sent twice. */
  wrongVersions: number;
  /** Appends answered "Server Is Busy", unrecorded. */
  busy: number;
  /** Appends that end their whole batch stream with NotLeader, unrecorded. */
  notLeader: number;
  /** Requests for the server's features fail with an internal error. */
  featuresFailing: number;
  /** Reads refused as unavailable. */
  readsUnavailable: number;
  /** Every answer takes this long. */
  slowMs: number;
  /** Nothing is answered, and nothing recorded, until this is false again. */
  stalled: boolean;
  /** Subscriptions stay open and send nothing. */
  silent: boolean;
  /** Reads of streams carry no position, as those of servers before 22.6. */
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
  /** Whether this request is hit by a fault that is counted. */
  takes(name: Counted): boolean;
  /** How long a request has to wait. */
  gate(): Promise<void>;
  /** Ends when subscriptions may speak. */
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
