import type { JsMsg } from 'nats';
import { delayAfter } from '../../platform/backoff.ts';

/** Progress reports per acknowledgement timeout, for each held message. */
const WORKING_PER_ACK_WAIT = 3;
/** Redelivery delay of a returned message. It grows with each delivery, so an unfinishable message does not loop fast. */
const GIVE_BACK = { attemptsMax: 0, delayMs: 1_000, delayMaxMs: 30_000, timeoutMs: 0 };

/** Delivered and unacknowledged messages, by the position of their event. Reports to JetStream that they are in progress. */
export interface Unacknowledged {
  hold(position: bigint, message: JsMsg): void;
  acknowledge(position: bigint): void;
  /** Stops, and returns the held messages to JetStream, which delivers them again, here or to another process. */
  giveBack(): void;
}

/** Ignores errors of a closed connection: the message is delivered again, and recognised then. */
function say(what: () => void): void {
  try {
    what();
  } catch {
    // The connection is closed.
  }
}

export function createUnacknowledged(ackWaitMs: number): Unacknowledged {
  /** One event can have several messages: after the duplicate window, publishing it again stores it again. */
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
