import { createHash } from 'node:crypto';
import { type Command, fold } from '../../src/engine/decide/decider.ts';
import { eventId, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { CURRENCY_STREAM } from '../../src/aggregates/currency.ts';
import { toMessage } from '../../src/bus/nats/message.ts';
import { samples } from '../aggregates/samples.ts';
import { type EventSchema, SEALED_OR_OWN_TEXT, SEALED_TEXT, type Schema } from './eventSchemas.ts';
import { commandOf, NOW, stored } from './given.ts';

const id = (number: number): string => `0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e${number.toString(16).padStart(2, '0')}`;
const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
const [ADA, SID, STORE, CATEGORY, PRODUCT, ORDER, PAYMENT, REFUND, SESSION, CORRELATION, CAUSE, COMMAND] = Array.from(
  { length: 12 },
  (_, index) => id(index + 1),
) as [string, string, string, string, string, string, string, string, string, string, string, string];

/** The texts that a shop would have in these fields, in place of the short ones of the samples. Ada buys from Sid. */
const BY_FIELD: Readonly<Record<string, string>> = {
  ...{
    buyerId: ADA,
    authorId: ADA,
    userId: ADA,
    holder: ADA,
    sellerId: SID,
    ownerId: SID,
    storeId: STORE,
    categoryId: CATEGORY,
  },
  ...{ deadLetterId: id(15), eventId: id(16) },
  ...{ productId: PRODUCT, orderId: ORDER, paymentId: PAYMENT, refundId: REFUND, keptSession: SESSION },
  ...{ phoneClaim: `phone-${hex('phone')}`, tokenHash: hex('token'), linkId: id(14), sessionId: SESSION },
  'UserClaimAbandoned.claim': `phone-${hex('phone')}`,
  'CategoryClaimAbandoned.claim': `category-${hex('category')}`,
  'PaymentRefunded.reference': `sandbox_refund_${hex('refund').slice(0, 32)}`,
  reference: `sandbox_charge_${hex('charge').slice(0, 32)}`,
};

const STREAMS: Readonly<Record<string, string>> = {
  ...{ user: `user-${ADA}`, session: `session-${SESSION}`, store: `store-${STORE}`, category: `category-${CATEGORY}` },
  ...{ mailbox: `mailbox-email-${hex('email')}` },
  ...{ claim: `claim-email-${hex('email')}`, unpaid: `unpaid-${ADA}`, currency: CURRENCY_STREAM, cart: `cart-${ADA}` },
  ...{ product: `product-${PRODUCT}`, stock: `stock-${PRODUCT}`, order: `order-${ORDER}` },
};

/** The stream of a category that this table does not know is one of its own. */
const streamOf = (category: string): string => STREAMS[category] ?? `${category}-${id(13)}`;

/** A text of the form of sealed ones. It is sealed for nobody. */
function sealedAt(field: string): string {
  const bytes = Buffer.concat([0, 1].map((part) => createHash('sha256').update(`${field} ${part}`).digest()));
  return `pd2.${ADA}.${field}.${bytes.toString('base64url').slice(0, 60)}`;
}

const isSealed = ({ description = '' }: Schema): boolean =>
  description.includes(SEALED_TEXT) || description.includes(SEALED_OR_OWN_TEXT);

function valueOf(type: string, schema: Schema, sample: unknown, field: string): unknown {
  if (Array.isArray(sample)) return sample.map((item) => valueOf(type, schema.items ?? {}, item, field));
  if (typeof sample === 'object' && sample !== null) {
    return Object.fromEntries(
      Object.entries(sample).map(([name, value]) => [
        name,
        valueOf(type, schema.properties?.[name] ?? {}, value, name),
      ]),
    );
  }
  if (typeof sample !== 'string') return sample;
  if (isSealed(schema)) return sealedAt(`${type}.${field}`);
  return BY_FIELD[`${type}.${field}`] ?? BY_FIELD[field] ?? sample;
}

/** Commands that no sample of their decider shows, or not alone. */
const COMMANDS: Readonly<Record<string, string>> = {
  ...{ FulfilmentCancelled: 'CancelFulfilment', ClaimReleased: 'ReleaseClaim', RefundRequested: 'RequestRefund' },
};

/** Each event type with the commands whose decision makes it, as the samples of the deciders have it. */
const decided: readonly (readonly [event: string, command: string])[] = samples.flatMap(({ decider, commands }) =>
  commands.flatMap(({ type, data, past }) => {
    const events = decider.decide(
      commandOf<Command>({ type, data: stored(data) }),
      fold(decider, decider.initial, past),
    );
    return events.map((event) => [event.type, type] as const);
  }),
);

const commandFor = (event: string): string => COMMANDS[event] ?? decided.find(([type]) => type === event)?.[1] ?? event;

const actorOf = ({ type, category }: EventSchema): string => {
  if (/^Payment(?!Requested|Confirmed)/.test(type)) return 'system:payment';
  if (type === 'StockShipped' || type === 'StockReleased') return 'system:fulfilment';
  return ['product', 'store', 'stock'].includes(category) || type.startsWith('Fulfilment') ? SID : ADA;
};

export interface EventExample {
  readonly event: RecordedEvent;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: object;
}

/** An example of each event, as the relay would publish it. The data are those of the samples of the deciders, in their order. */
export function eventExamples(events: readonly EventSchema[], versionOf: (type: string) => number): EventExample[] {
  const schemas = new Map(events.map((event) => [event.type, event]));
  return samples.flatMap(({ decider, events: happened }, place) =>
    happened.map((sample, at) => {
      const schema = schemas.get(sample.type)!;
      const actor = actorOf(schema);
      const position = BigInt(100 * place + at + 1);
      const event: RecordedEvent = {
        ...{ id: eventId(COMMAND, Number(position)), type: sample.type, stream: streamOf(decider.category) },
        ...{
          revision: BigInt(at),
          position,
          data: valueOf(sample.type, schema.data, stored(sample.data), '') as object,
        },
        metadata: {
          ...{ commandId: COMMAND, command: commandFor(sample.type), correlationId: CORRELATION, actor },
          ...(actor.startsWith('system:') ? { causationId: CAUSE } : {}),
          ...{ occurredAt: NOW, schema: versionOf(sample.type) },
        },
      };
      const { messageId, headers, payload } = toMessage(event, position - 1n, 'cartulary');
      const named = Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
      return { event, headers: { 'Nats-Msg-Id': messageId, ...named }, payload: JSON.parse(payload) as object };
    }),
  );
}
