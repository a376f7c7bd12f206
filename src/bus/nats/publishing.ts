import { isOver } from '../../platform/backoff.ts';
import { createSignal } from '../../platform/signal.ts';
import { type JetStreamClient, NatsError } from 'nats';
import type { Logger } from '../../platform/log.ts';
import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { type Outgoing, toMessage } from './message.ts';

/** Publishes in flight, at most. */
export const PUBLISHES_MAX = 256;

export interface PublishingOptions<Message extends { readonly position: bigint }> {
  /** Must resolve when the message is stored. After a rejection it is unknown whether the message is stored. */
  publish(message: Message): Promise<unknown>;
  /**
   * Called after a failed publish, once none is in flight, whether or not more is pushed. Then the messages that are not stored are
   * published again, in order. A rejection gives the publishing up.
   */
  recover(error: unknown, failures: number): Promise<void>;
  /** Called when all messages up to this position are stored. */
  onStored(position: bigint): void;
  readonly max?: number;
  readonly signal: AbortSignal;
}

export interface Publishing<Message> {
  /** Publishes a message, after waiting for room. Call it in log order. Returns early when `signal` aborts. */
  push(message: Message): Promise<void>;
  /** Waits until all pushed messages are stored, or `signal` aborts. */
  drained(): Promise<void>;
  /** Aborts when the publishing is given up, with the error of `recover` as its reason. Both functions above then reject with it. */
  readonly broken: AbortSignal;
}

/** A window of publishes in flight. All messages are stored at least once, and `onStored` is called in order. */
export function createPublishing<Message extends { readonly position: bigint }>(
  options: PublishingOptions<Message>,
): Publishing<Message> {
  const { signal, max = PUBLISHES_MAX } = options;
  const changed = createSignal();
  /** Messages that are not known to be stored, and those behind them, in log order. */
  const open: { readonly message: Message; stored: boolean }[] = [];
  const broken = new AbortController();
  let underWay = 0;
  let failure: { readonly error: unknown } | undefined;
  let failures = 0;
  let recovering = false;

  const settle = (): void => {
    let last: bigint | undefined;
    while (open[0]?.stored === true) last = open.shift()!.message.position;
    if (last === undefined) return;
    failures = 0;
    options.onStored(last);
  };
  async function send(one: (typeof open)[number]): Promise<void> {
    underWay += 1;
    try {
      await options.publish(one.message);
      one.stored = true;
      settle();
    } catch (error) {
      failure ??= { error };
    } finally {
      underWay -= 1;
      if (failure !== undefined && underWay === 0) void recover(failure.error);
      changed.raise();
    }
  }
  /** While it runs nothing is pushed, so none is in flight. */
  async function recover(error: unknown): Promise<void> {
    failure = undefined;
    recovering = true;
    failures += 1;
    try {
      if (!isOver(signal)) await options.recover(error, failures);
    } catch (reason) {
      broken.abort(reason);
    }
    recovering = false;
    if (!isOver(signal) && !isOver(broken.signal)) for (const one of open) if (!one.stored) void send(one);
    changed.raise();
  }
  async function until(reached: () => boolean): Promise<void> {
    while (!isOver(signal)) {
      const seen = changed.count;
      if (isOver(broken.signal)) throw broken.signal.reason as Error;
      if (failure === undefined && !recovering && reached()) return;
      await changed.next(seen, { signal });
    }
  }

  return {
    async push(message) {
      await until(() => open.length < max);
      if (isOver(signal)) return;
      const one = { message, stored: false };
      open.push(one);
      void send(one);
    },
    drained: () => until(() => open.length === 0),
    broken: broken.signal,
  };
}

/** Error codes of NATS and JetStream for a message that is too large. A retry does not help. */
const TOO_LARGE = new Set(['MAX_PAYLOAD_EXCEEDED', '10054']);

/** A message to publish, or a skipped event. The next message names the skipped position, so readers detect the gap. */
export type Step = Outgoing | { readonly position: bigint; readonly untold: true };

export function stepOf(
  event: RecordedEvent,
  previous: bigint,
  { prefix, log }: { readonly prefix: string; readonly log: Logger },
): Step {
  try {
    return toMessage(event, previous, prefix);
  } catch (error) {
    log.error({ err: error, eventId: event.id }, 'an event cannot be published: consumers will read it from the log');
    return { position: event.position, untold: true };
  }
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof NatsError && (TOO_LARGE.has(error.code) || TOO_LARGE.has(String(error.api_error?.err_code)));

/** `known`: JetStream had it already, within its duplicate window. `untold`: not published. After a rejection it is unknown. */
export async function publishStep(
  client: JetStreamClient,
  step: Step,
  log: Logger,
): Promise<'stored' | 'known' | 'untold'> {
  if ('untold' in step) return 'untold';
  const { subject, payload, headers, messageId: msgID } = step;
  try {
    const { duplicate } = await client.publish(subject, payload, { headers, msgID });
    return duplicate ? 'known' : 'stored';
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    log.error({ err: error, eventId: msgID }, 'an event is too large for NATS: consumers will read it from the log');
    return 'untold';
  }
}
