import type { Logger } from '../platform/log.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { isNewerVersion } from '../eventstore/newer.ts';
import { isUnavailable, reasonOf } from '../engine/follow/retry.ts';
import { delayAfter, isOver, rest } from '../platform/backoff.ts';
import type { Semaphore } from '../platform/semaphore.ts';
import { type SpanDetails, traced } from '../platform/trace.ts';
import type { RetryPolicy, Subscription } from './bus.ts';
import { subjectOf } from './envelope.ts';

export const RETRY: RetryPolicy = { attemptsMax: 5, delayMs: 200, delayMaxMs: 30_000, timeoutMs: 30_000 };
/** How long an event is retried, in ms, while a dependency does not answer. Then it becomes a dead letter. */
export const PATIENCE_MS = 600_000;

export type Outcome =
  | { readonly kind: 'handled' }
  | { readonly kind: 'failed'; readonly reason: string; readonly attempts: number }
  /** The consumer is stopping. The outcome is unknown, and the event is delivered again later. */
  | { readonly kind: 'interrupted' };

export interface Signals {
  /** When it aborts, no new attempt starts. */
  readonly halt: AbortSignal;
  /** When it aborts, running attempts are given up. */
  readonly abort: AbortSignal;
}

export interface AttemptOptions extends Signals {
  readonly retry: RetryPolicy;
  readonly patienceMs: number;
  /** Bounds how many handlers run at once; a wait for the next attempt holds no permit. */
  readonly permits: Semaphore;
  readonly log: Logger;
  onFailure(error: unknown): void;
}

/** The span belongs to the event's own trace, so a purchase and its payment are one trace. */
const deliverySpan = ({ name }: Subscription, event: RecordedEvent, attempt: number): SpanDetails => ({
  ...{ kind: 'consumer', name: `process ${name}`, parent: event.metadata.traceparent },
  attributes: {
    'messaging.system': 'cartulary',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': name,
    'messaging.destination.name': subjectOf(event),
    'messaging.message.id': event.id,
    'cartulary.attempt': attempt,
  },
});

/** The event for the handler: with the delivery's trace parent, so the handler's work is traced below the delivery. */
const tracedBy = (event: RecordedEvent, traceparent: string | undefined): RecordedEvent =>
  traceparent === undefined ? event : { ...event, metadata: { ...event.metadata, traceparent } };

async function once(subscription: Subscription, event: RecordedEvent, attempt: number, options: AttemptOptions) {
  const { abort, retry } = options;
  const controller = new AbortController();
  const given = new Promise<never>((_, fail) => {
    controller.signal.addEventListener('abort', () => fail(controller.signal.reason as Error), { once: true });
  });
  const giveUp = (): void => controller.abort(new Error('the bus is stopping'));
  abort.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(
    () => controller.abort(new Error(`no answer from the handler within ${retry.timeoutMs} ms`)),
    retry.timeoutMs,
  );
  const work = async (): Promise<void> =>
    traced(
      () => deliverySpan(subscription, event, attempt),
      (traceparent) => subscription.handle({ event: tracedBy(event, traceparent), attempt, signal: controller.signal }),
    );
  try {
    await Promise.race([work(), given]);
  } finally {
    clearTimeout(timer);
    abort.removeEventListener('abort', giveUp);
  }
}

/** An event that needs a newer version is no dead letter: a process of that version can handle it. */
function leaveToNewer(error: unknown): void {
  if (isNewerVersion(error)) throw error;
}

/**
 * Delivers one event until it is handled or has failed for good. Failures because a dependency does not answer do not count
 * as attempts for `patienceMs`. An attempt that timed out may still run when the next one starts, so handlers must
 * deduplicate by event id.
 */
export async function deliver(
  subscription: Subscription,
  event: RecordedEvent,
  options: AttemptOptions,
): Promise<Outcome> {
  const { retry, halt, abort, permits, patienceMs } = options;
  let failures = 0;
  let unavailableSince: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const started = await permits.run(async () => {
        if (isOver(halt)) return false;
        await once(subscription, event, attempt, options);
        return true;
      });
      return { kind: started ? 'handled' : 'interrupted' };
    } catch (error) {
      if (isOver(abort)) return { kind: 'interrupted' };
      leaveToNewer(error);
      const now = performance.now();
      const patient = isUnavailable(error) && now - (unavailableSince ??= now) < patienceMs;
      if (!patient) failures += 1;
      options.onFailure(error);
      options.log.warn(
        { err: error, consumer: subscription.name, eventId: event.id, type: event.type, attempt },
        'an event was not handled',
      );
      if (failures >= retry.attemptsMax || (isUnavailable(error) && !patient)) {
        return { kind: 'failed', reason: reasonOf(error), attempts: attempt };
      }
    }
    await rest(delayAfter(retry, attempt), halt);
    if (isOver(halt)) return { kind: 'interrupted' };
  }
}
