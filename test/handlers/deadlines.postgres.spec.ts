import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { orderDecider } from '../../src/aggregates/order.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import type { Services } from '../../src/commands/contract.ts';
import { unavailable } from '../../src/errors.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { createDeadlines, type Deadlines } from '../../src/handlers/deadlines.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';
import { anOrder, NOW, openShop, type Shop } from './shop.ts';

const log = pino({ level: 'silent' });
const BEFORE = '2026-11-21T07:59:59.000Z';
const AFTER = '2026-11-21T08:00:01.000Z';

interface Row {
  readonly key: string;
  readonly order_id: string;
  readonly kind?: 'payment' | 'checkout';
  readonly due_at?: string;
  readonly buyer_id?: string;
  readonly product_ids?: readonly string[];
  readonly cart_held?: boolean;
  readonly position?: number;
}

describe('deadlines', () => {
  let database: TestDatabase;
  let pool: Pool;
  let shop: Shop;
  let clock: string;
  let started: Deadlines[];

  beforeEach(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'deadlines', max: 10, int8: 'bigint' });
    shop = openShop();
    clock = NOW;
    started = [];
  });
  afterEach(async () => {
    await Promise.all(started.map((deadlines) => deadlines.stop()));
    await pool.end();
    await database.drop();
  });

  const watch = (owner = 'first', services = shop.services): Deadlines => {
    const { store } = shop;
    const deadlines = createDeadlines({ pool, services, store, owner, log, intervalMs: 10, now: () => clock });
    deadlines.start();
    started.push(deadlines);
    return deadlines;
  };
  const remember = (row: Row) =>
    pool.query(
      `INSERT INTO deadlines (key, kind, order_id, due_at, buyer_id, product_ids, cart_held, revision, position)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)
       ON CONFLICT (key) DO UPDATE SET product_ids = excluded.product_ids, position = excluded.position`,
      [
        row.key,
        row.kind ?? 'payment',
        row.order_id,
        row.due_at ?? BEFORE,
        row.buyer_id ?? randomUUID(),
        JSON.stringify(row.product_ids ?? []),
        row.cart_held ?? false,
        row.position ?? 1,
      ],
    );
  const types = async (category: string, id: string) => (await shop.events(category, id)).map(({ type }) => type);
  const until = (what: string, category: string, id: string, type: string) =>
    eventually(what, async () => (await types(category, id)).includes(type));

  async function checkout() {
    const [orderId, buyerId, productId, otherId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    for (const id of [productId, otherId]) {
      await shop.does(stockDecider, id, { type: 'ReceiveStock', data: { quantity: 5 } });
      const held = { orderId, buyerId, quantity: 2, expiresAt: BEFORE };
      await shop.does(stockDecider, id, { type: 'ReserveStock', data: held });
    }
    await shop.does(cartDecider, buyerId, { type: 'AddCartItem', data: { productId, quantity: 2 } });
    await shop.does(cartDecider, buyerId, { type: 'StartCheckout', data: { orderId, expiresAt: BEFORE } });
    return { orderId, buyerId, productId, otherId };
  }

  it('cancel an order that was not paid in time, once', async () => {
    const { orderId } = await shop.place();
    await remember({ key: `payment:${orderId}`, order_id: orderId });
    const deadlines = watch();
    await until('it is cancelled', 'order', orderId, 'OrderCancelled');
    const events = await shop.events('order', orderId);
    expect(events.at(-1)).to.deep.include({ data: { reason: 'not paid in time', by: 'system' } });
    expect(events.at(-1)!.metadata.actor).to.equal('system:deadlines');
    await deadlines.stop();
    const again = watch('second');
    await eventually('it has been looked at again', () => again.status().issued > 0);
    expect(await types('order', orderId)).to.deep.equal(['OrderPlaced', 'PaymentRequested', 'OrderCancelled']);
  });

  it('wait until they are due', async () => {
    const [early, late] = [await shop.place(), await shop.place()];
    await remember({ key: 'late', order_id: late.orderId, due_at: AFTER });
    await remember({ key: 'early', order_id: early.orderId });
    watch();
    await until('the early one is cancelled', 'order', early.orderId, 'OrderCancelled');
    expect(await types('order', late.orderId)).not.to.include('OrderCancelled');
    clock = AFTER;
    await until('the late one is cancelled', 'order', late.orderId, 'OrderCancelled');
  });

  it('leave an order alone that was paid, though the read model has not heard of it', async () => {
    const [paid, unpaid] = [await shop.place(), await shop.place()];
    const captured = { paymentId: paid.paymentId, reference: 'r', amount: 5_000, currency: 'EUR', refundId: 'x' };
    await shop.does(orderDecider, paid.orderId, { type: 'RecordCapture', data: captured });
    await remember({ key: 'a', order_id: paid.orderId });
    await remember({ key: 'b', order_id: unpaid.orderId });
    const deadlines = watch();
    await until('the other is cancelled', 'order', unpaid.orderId, 'OrderCancelled');
    await eventually('both were met', () => deadlines.status().issued >= 2);
    expect(await types('order', paid.orderId)).not.to.include('OrderCancelled');
  });

  it('cancel nothing that is paid at the very last moment', async () => {
    const { orderId, paymentId } = await shop.place();
    const { aggregates } = shop.services;
    let raced = false;
    const services: Services = {
      ...shop.services,
      aggregates: {
        ...aggregates,
        async load(decider, id, how) {
          const loaded = await aggregates.load(decider, id, how);
          const captured = { paymentId, reference: 'r', amount: 5_000, currency: 'EUR', refundId: 'x' };
          if (!raced) await shop.does(orderDecider, orderId, { type: 'RecordCapture', data: captured });
          raced = true;
          return loaded;
        },
      },
    };
    await remember({ key: 'a', order_id: orderId });
    const deadlines = watch('first', services);
    await eventually('it was refused', () => deadlines.status().failing === 1);
    await eventually('it was looked at again', () => deadlines.status().issued === 1);
    expect(await types('order', orderId)).to.deep.equal(['OrderPlaced', 'PaymentRequested', 'PaymentCaptured']);
  });

  it('give back what a checkout held that stopped half way, and the cart with it', async () => {
    const { orderId, buyerId, productId, otherId } = await checkout();
    const row = { key: `checkout:${orderId}`, kind: 'checkout', order_id: orderId, buyer_id: buyerId } as const;
    await remember({ ...row, product_ids: [productId, otherId], cart_held: true });
    watch();
    await until('the cart is free', 'cart', buyerId, 'CheckoutFailed');
    expect(await types('order', orderId)).to.deep.equal(['OrderAbandoned']);
    expect(await types('stock', productId)).to.deep.equal(['StockReceived', 'StockReserved', 'StockReleased']);
    expect(await types('stock', otherId)).to.deep.equal(['StockReceived', 'StockReserved', 'StockReleased']);
  });

  it('let go of nothing when the order was placed after all', async () => {
    const { orderId, buyerId, productId } = await checkout();
    const order = { ...anOrder, buyerId };
    const payment = { paymentId: randomUUID(), method: 'sandbox' };
    await shop.does(orderDecider, orderId, { type: 'PlaceOrder', data: { order, payment } });
    await remember({
      ...{ key: `checkout:${orderId}`, kind: 'checkout', order_id: orderId, buyer_id: buyerId },
      ...{ product_ids: [productId], cart_held: true },
    });
    const deadlines = watch();
    await eventually('it was met', () => deadlines.status().issued > 0);
    expect(await types('stock', productId)).to.deep.equal(['StockReceived', 'StockReserved']);
    expect(await types('cart', buyerId)).not.to.include('CheckoutFailed');
    expect(await types('order', orderId)).to.deep.equal(['OrderPlaced', 'PaymentRequested']);
  });

  it('give back also what an abandoned checkout took after it was let go', async () => {
    const { orderId, buyerId, productId, otherId } = await checkout();
    const row = { key: `checkout:${orderId}`, kind: 'checkout', order_id: orderId, buyer_id: buyerId } as const;
    await remember({ ...row, product_ids: [productId] });
    watch();
    await until('the first is given back', 'stock', productId, 'StockReleased');
    const held = { orderId, buyerId, quantity: 1, expiresAt: BEFORE };
    await shop.does(stockDecider, productId, { type: 'ReserveStock', data: held });
    await remember({ ...row, product_ids: [productId, otherId], position: 2 });
    await until('the late one is given back', 'stock', otherId, 'StockReleased');
    await eventually(
      'and the first again',
      async () => (await types('stock', productId)).filter((type) => type === 'StockReleased').length === 2,
    );
  });

  it('meet all the others when one cannot be met, and that one later', async () => {
    const memory = createMemoryEventStore();
    let away = true;
    let sick = '';
    const store: EventStore = {
      ...memory,
      append: (stream, expected, events) =>
        away && stream === `order-${sick}`
          ? Promise.reject(unavailable('LogAway', 'The log does not answer.'))
          : memory.append(stream, expected, events),
    };
    shop = openShop(store);
    away = false;
    const orders = await Promise.all(Array.from({ length: 120 }, () => shop.place()));
    sick = orders[0]!.orderId;
    away = true;
    for (const [index, { orderId }] of orders.entries())
      await remember({ key: String(index).padStart(3, '0'), order_id: orderId });
    const deadlines = watch();
    for (const { orderId } of orders.slice(1)) await until('it is cancelled', 'order', orderId, 'OrderCancelled');
    expect(await types('order', sick)).not.to.include('OrderCancelled');
    expect(deadlines.status()).to.include({ failing: 1 });
    expect(deadlines.status().lastError).to.contain('does not answer');
    away = false;
    await until('the last is cancelled', 'order', sick, 'OrderCancelled');
    await eventually('no error is told any more', () => deadlines.status().lastError === undefined);
  });

  it('are watched by one at a time; another takes over when it goes', async () => {
    const one = watch('one');
    await eventually('the first watches', () => one.status().owned);
    const two = watch('two');
    const { orderId } = await shop.place();
    await remember({ key: 'a', order_id: orderId });
    await until('it is cancelled', 'order', orderId, 'OrderCancelled');
    expect(two.status()).to.include({ owned: false, issued: 0 });
    await one.stop();
    await eventually('the second watches', () => two.status().owned);
  });
});
