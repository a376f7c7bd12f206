import { randomUUID } from 'node:crypto';
import type { Command, Decider } from '../../src/engine/decide/decider.ts';
import { type DomainEvent, type EventStore, type RecordedEvent, streamOf } from '../../src/eventstore/eventStore.ts';
import { orderDecider, type OrderPlaced } from '../../src/aggregates/order.ts';
import { placeOfUser, type Sealed, type SealedName } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import type { Subscription } from '../../src/bus/bus.ts';
import { createAggregates } from '../../src/engine/decide/handle.ts';
import type { Services } from '../../src/commands/contract.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import { asSealed, memoryPersonalData } from '../support/personalData.ts';

export const NOW = '2026-11-21T08:00:00.000Z';
export const now = (): string => NOW;

const PATIENCE = new AbortController().signal;

const absent = new Proxy(
  {},
  {
    get: (_target, name) => {
      throw new Error(`a reaction has no business with ${String(name)}`);
    },
  },
);

export type Shop = ReturnType<typeof openShop>;

/** The write side in memory, as reactions use it. */
export function openShop(store: EventStore = createMemoryEventStore()) {
  const personalData = memoryPersonalData();
  const aggregates = createAggregates({ store });
  const services = {
    aggregates,
    personalData,
    passwords: absent,
    tokens: absent,
    hints: absent,
    operations: absent,
    settings: absent,
  } as unknown as Services;

  async function does<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    intent: C extends Command ? Pick<C, 'type' | 'data'> : never,
  ): Promise<State> {
    const command = { ...intent, id: randomUUID(), actor: 'cli', now: NOW, correlationId: randomUUID() };
    return (await aggregates.handle(decider, id, command as unknown as C)).state;
  }

  return {
    store,
    services,
    personalData,
    does,
    async register(person: { email: string; name: string; phone?: string }): Promise<string> {
      const userId = randomUUID();
      const seal = (field: SealedName, text: string): Promise<Sealed> =>
        personalData.seal(placeOfUser(userId, field), text);
      const data = {
        email: await seal('UserRegistered.email', person.email),
        name: await seal('UserRegistered.name', person.name),
        phone: person.phone === undefined ? null : await seal('UserRegistered.phone', person.phone),
        phoneClaim: null,
        passwordHash: await seal('UserRegistered.passwordHash', 'hash'),
        role: 'buyer' as const,
      };
      await does(userDecider, userId, { type: 'RegisterUser', data });
      return userId;
    },
    async place(wishes: { method?: string; order?: Partial<OrderPlaced['data']> } = {}) {
      const orderId = randomUUID();
      const paymentId = randomUUID();
      const order = { ...anOrder, ...wishes.order };
      const payment = { paymentId, method: wishes.method ?? 'sandbox' };
      await does(orderDecider, orderId, { type: 'PlaceOrder', data: { order, payment } });
      return { orderId, paymentId };
    },
    events: (category: string, id: string): Promise<RecordedEvent[]> => store.read(streamOf(category, id), 0n, 1_000),
    /** Hands all events to the consumer, as the bus would, until no more follow. Delivers each one `times` times. */
    async deliver(subscription: Subscription, times = 1): Promise<void> {
      let after = 0n;
      for (;;) {
        const events = await store.readAll(after, 500);
        if (events.length === 0) return;
        for (const event of events.filter(({ type }) => subscription.types.includes(type))) {
          for (let attempt = 1; attempt <= times; attempt += 1) {
            await subscription.handle({ event, attempt, signal: PATIENCE });
          }
        }
        after = events.at(-1)!.position;
      }
    },
  };
}

const PRODUCTS = [randomUUID(), randomUUID(), randomUUID()] as const;
export const STORES = [randomUUID(), randomUUID()] as const;

export const anOrder: OrderPlaced['data'] = {
  buyerId: randomUUID(),
  lines: [
    { productId: PRODUCTS[0], storeId: STORES[0], sellerId: 's', name: 'Teapot', price: 1_990, quantity: 1 },
    { productId: PRODUCTS[1], storeId: STORES[0], sellerId: 's', name: 'Cup', price: 500, quantity: 4 },
    { productId: PRODUCTS[2], storeId: STORES[1], sellerId: 't', name: 'Tea', price: 1_010, quantity: 1 },
  ],
  currency: 'EUR',
  total: 5_000,
  shippingAddress: asSealed('pd1.x.x'),
  billingAddress: null,
  notes: null,
  fromCart: true,
  payBy: '2026-11-21T08:15:00.000Z',
};
