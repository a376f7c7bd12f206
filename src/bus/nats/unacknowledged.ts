import type { JsMsg } from 'nats';
import { delayAfter } from '../../platform/backoff.ts';

/** How often a message under work says so within the time after which it would be delivered again. */
const WORKING_PER_ACK_WAIT = 3;
/** Grows with each delivery of a message, so that what nobody can finish does not go round and round. */
const GIVE_BACK = { attemptsMax: 0, delayMs: 1_000, delayMaxMs: 30_000, timeoutMs: 0 };

/** Messages delivered and not acknowledged, by the position of their event; JetStream hears that they are worked on. */
export interface Unacknowledged {
  hold(position: bigint, message: JsMsg): void;
  acknowledge(position: bigint): void;
  /** Ends it: what is held is delivered again, here or elsewhere. */
  giveBack(): void;
}

/** A connection that is closed by now: the message comes again, and is known then. */
function say(what: () => void): void {
  try {
    what();
  } catch {
    // Nobody is there to hear it.
  }
}

export function createUnacknowledged(ackWaitMs: number): Unacknowledged {
  /** An event can come in several messages: published again, it is stored again once the duplicate window is over. */
  const held = new Map<bigint, JsMsg[]>();
  const all = (): JsMsg[] => [...held.values()].flat();
  const timer = setInterval(() => {
    for (const message of all()) say(() => message.working());
  }, ackWaitMs / WORKING_PER_ACK_WAIT);
  timer.unref();
  return {
    hold(position, message) {
      const there = held.get(position) ?? [];
      held.set(position, [...there.filter(({ seq }) => seq !== message.seq), message]);
    },
    acknowledge(position) {
      for (const message of held.get(position) ?? []) say(() => message.ack());
      held.delete(position);
    },
    giveBack() {
      clearInterval(timer);
      for (const message of all()) say(() => message.nak(delayAfter(GIVE_BACK, message.info.deliveryCount)));
      held.clear();
    },
  };
}
