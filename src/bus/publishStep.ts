import { NatsError, type JetStreamClient } from 'nats';
import type { Logger } from '../platform/log.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { toMessage, type Outgoing } from './natsMessage.ts';

/** What NATS and JetStream say of a message that is too large for them, however often it is sent. */
const TOO_LARGE = new Set(['MAX_PAYLOAD_EXCEEDED', '10054']);

/** What cannot be told is passed over in its turn: the next message says that something lies before it. */
export type Step = Outgoing | { readonly position: bigint; readonly untold: true };

export function stepOf(
  event: RecordedEvent,
  previous: bigint,
  { prefix, log }: { readonly prefix: string; readonly log: Logger },
): Step {
  try {
    return toMessage(event, previous, prefix);
  } catch (error) {
    log.error({ err: error, eventId: event.id }, 'an event cannot be published: it is to be had from the log alone');
    return { position: event.position, untold: true };
  }
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof NatsError && (TOO_LARGE.has(error.code) || TOO_LARGE.has(String(error.api_error?.err_code)));

/** `known`: JetStream has stored it before, within its duplicate window. A rejection leaves open whether it is stored. */
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
    log.error({ err: error, eventId: msgID }, 'an event is too large for NATS: it is to be had from the log alone');
    return 'untold';
  }
}
