import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { orderDecider, type OrderPlaced } from '../../src/aggregates/order.ts';
import { placeOfOrder, type Sealed } from '../../src/aggregates/sealed.ts';
import { commandContext, type Shop } from '../../src/compose/shop.ts';
import { eventually } from '../support/eventually.ts';
import { type Caller, type Json, must, openWriteSide } from '../support/shop.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';

const ADDRESS = { shipping_address: '1 Abbey Road, London' };
const PATIENCE_MS = 20_000;

/** A time zone in which it is about noon now, so that no day ends while the test runs. */
function zoneAtNoon(): string {
  const hours = new Date().getUTCHours() - 12;
  return hours === 0 ? 'Etc/GMT' : `Etc/GMT${hours > 0 ? '+' : '-'}${Math.abs(hours)}`;
}

describe('the dashboard', function () {
  this.timeout(90_000);
  let shop: StockedShop;
  let admin: Caller;
  let buyer: Caller;
  let write: Shop;
  let product: string;
  const zone = zoneAtNoon();
  before(async () => {
    shop = await openStockedShop({ CURRENCY: 'EUR', PAYMENT_SANDBOX_DELAY: '20ms', PAYMENT_DEADLINE: '5s' });
    admin = await shop.people.admin();
    buyer = await shop.people.buyer();
    product = await shop.people.product(shop.seller, await shop.people.category(), { price: '19.90', stock: 50 });
    write = await openWriteSide(shop.databaseUrl, { CURRENCY: 'EUR' }, { readOnly: true });
  });
  after(async () => {
    await write.close();
    await shop.close();
  });

  const dashboard = async (query: Record<string, string> = {}): Promise<Json> => {
    const search = new URLSearchParams({ time_zone: zone, ...query }).toString();
    return must(await admin.call('GET', `/admin/dashboard?${search}`), 200).data;
  };
  const today = async (): Promise<Json> => {
    const now = new Date().toISOString();
    return dashboard({ from: now, to: now });
  };
  const until = (what: string, holds: (told: Json) => boolean): Promise<Json> =>
    eventually(
      what,
      async () => {
        const told = await today();
        return holds(told) ? told : undefined;
      },
      PATIENCE_MS,
    );
  const inCurrency = (told: Json, currency: string): Json =>
    (told.revenue as Json[]).find((row) => row.currency === currency);
  const total = (told: Json, currency: string): Json =>
    (told.totals as Json[]).find((row) => row.currency === currency);

  async function sell(quantity: number, method = 'sandbox'): Promise<Json> {
    const items = [{ product_id: product, quantity }];
    return must(await buyer.call('POST', '/orders', { ...ADDRESS, items, payment_method: method }), 201).data;
  }
  async function sold(quantity: number, method = 'sandbox'): Promise<Json> {
    const { id } = await sell(quantity, method);
    return shop.people.untilOrder(buyer, id, 'paid', PATIENCE_MS);
  }
  const cancelled = (id: string): Promise<Json> => shop.people.untilOrder(buyer, id, 'cancelled', PATIENCE_MS);

  async function orderData(
    id: string,
    currency: string,
    price: number,
    quantity: number,
  ): Promise<OrderPlaced['data']> {
    const sealed: Sealed = await write.services.personalData.seal(
      placeOfOrder({ id, buyerId: buyer.id }, 'OrderPlaced.shippingAddress'),
      '1 Abbey Road',
    );
    const of = { productId: shop.product, storeId: randomUUID(), sellerId: shop.seller.id, name: 'Tea' };
    return {
      ...{ buyerId: buyer.id, lines: [{ ...of, price, currency, quantity }], currency, total: price * quantity },
      ...{ shippingAddress: sealed, billingAddress: null, notes: null, fromCart: false },
      payBy: new Date(Date.now() + 3_600_000).toISOString(),
    };
  }

  /** An order in yen, as a log of an earlier version may hold it beside others: a shop of today sells in one currency. */
  async function sellInYen(quantity: number): Promise<void> {
    const id = randomUUID();
    const data = {
      order: await orderData(id, 'JPY', 1_990, quantity),
      payment: { paymentId: randomUUID(), method: 'sandbox' },
    };
    const context = commandContext(write.services, { actor: { id: buyer.id, role: 'buyer' } });
    await context.handle(orderDecider, id, { type: 'PlaceOrder', data });
  }

  it('B11: counts money by day and currency when it moves, each once, and nothing that was not paid', async () => {
    const first = await sold(3);
    await sellInYen(2);
    const begun = await until('both currencies are there', (told) => inCurrency(told, 'JPY') !== undefined);
    const date: string = begun.from;
    expect(begun.revenue).to.deep.equal([
      { date, currency: 'EUR', captured: 59.7, refunded: 0, net: 59.7 },
      { date, currency: 'JPY', captured: 3_980, refunded: 0, net: 3_980 },
    ]);
    expect(JSON.stringify(begun.revenue)).to.include('3980}').and.not.to.include('3980.');
    expect(total(begun, 'EUR')).to.include({ orders_captured: 1, average_order_value: 59.7 });
    expect((begun.best_sellers as Json[]).map(({ product_id, units }) => [product_id, units])).to.deep.equal([
      [product, 3],
      [shop.product, 2],
    ]);

    must(await admin.call('POST', `/payments/${first.payment.id}/refund`, { amount: '5.00', reason: 'late' }), 200);
    const refunded = await until('the refund is there', (told) => inCurrency(told, 'EUR').refunded > 0);
    expect(inCurrency(refunded, 'EUR')).to.include({ captured: 59.7, refunded: 5, net: 54.7 });
    expect(refunded.refunds).to.deep.equal([{ currency: 'EUR', count: 1, amount: 5 }]);

    const declined = await sell(1, 'sandbox_decline');
    const unpaid = await sell(1, 'sandbox_confirm');
    must(await buyer.call('PUT', `/orders/${unpaid.id}/cancel`, {}), 200);
    const expired = await sell(1, 'sandbox_confirm');
    for (const { id } of [declined, unpaid, expired]) await cancelled(id);
    const same = await today();
    expect(same.revenue, 'declined, cancelled unpaid, expired').to.deep.equal(refunded.revenue);
    expect(same.best_sellers).to.deep.equal(refunded.best_sellers);
    expect(same.orders_by_status).to.include({ cancelled: 3 });

    const paid = await sold(1);
    must(await buyer.call('PUT', `/orders/${paid.id}/cancel`, {}), 200);
    const back = await until('it is given back', (told) => inCurrency(told, 'EUR').refunded > 5);
    expect(inCurrency(back, 'EUR')).to.include({ captured: 79.6, refunded: 24.9, net: 54.7 });
    expect(back.best_sellers[0]).to.include({ product_id: product, units: 3 });

    await sold(1, 'sandbox_timeout');
    const lost = await until('the lost answer is found out', (told) => inCurrency(told, 'EUR').captured > 80);
    expect(inCurrency(lost, 'EUR')).to.include({ captured: 99.5, net: 74.6 });
    expect(total(lost, 'EUR')).to.include({ orders_captured: 3, average_order_value: 24.87 });
    expect(Object.keys(lost.totals[0])).not.to.include('total');
  });

  it('B11: gives a refund to the day on which it happened, which may be negative', async () => {
    const id = randomUUID();
    const paymentId = randomUUID();
    const at = (type: string, occurredAt: string, data: object) => ({
      ...{ id: randomUUID(), type, data },
      metadata: {
        ...{ commandId: randomUUID(), correlationId: randomUUID(), command: 'Test', actor: 'test', schema: 1 },
        occurredAt,
      },
    });
    const money = { paymentId, amount: 1_990, currency: 'EUR' };
    await write.store.append(`order-${id}`, -1n, [
      at('OrderPlaced', '2026-01-10T23:40:00.000Z', await orderData(id, 'EUR', 1_990, 1)),
      at('PaymentRequested', '2026-01-10T23:40:00.000Z', { ...money, attempt: 1, method: 'sandbox' }),
      // Earlier versions recorded no currency.
      at('PaymentCaptured', '2026-01-10T23:50:00.000Z', { paymentId, amount: 1_990, reference: 'r' }),
      at('PaymentRefunded', '2026-01-11T00:10:00.000Z', {
        ...money,
        amount: 500,
        refundId: randomUUID(),
        reference: 's',
      }),
    ]);
    const window = { from: '2026-01-10', to: '2026-01-11' };
    // The order's currency comes from a second read model, which may follow later.
    const told = await eventually('both days are there, in the currency of the order', async () => {
      const found = await dashboard({ ...window, time_zone: 'UTC' });
      return found.revenue.length === 2 && found.revenue.every((row: Json) => row.currency === 'EUR')
        ? found
        : undefined;
    });
    expect(told.revenue).to.deep.equal([
      { date: '2026-01-10', currency: 'EUR', captured: 19.9, refunded: 0, net: 19.9 },
      { date: '2026-01-11', currency: 'EUR', captured: 0, refunded: 5, net: -5 },
    ]);
    const inNewYork = await dashboard({ ...window, time_zone: 'America/New_York' });
    expect(inNewYork.revenue).to.deep.equal([
      { date: '2026-01-10', currency: 'EUR', captured: 19.9, refunded: 5, net: 14.9 },
    ]);
    const inTokyo = await dashboard({ ...window, time_zone: 'Asia/Tokyo' });
    expect(inTokyo.revenue.map((row: Json) => String(row.date))).to.deep.equal(['2026-01-11']);
  });

  it('B11: comes to what the payments come to, before and after a rebuild', async () => {
    const window = { from: '2026-01-01', to: new Date().toISOString() };
    const before = await dashboard(window);
    const sums = new Map<string, { captured: number; refunded: number }>();
    const payments: Json[] = must(await admin.call('GET', '/payments?per_page=100'), 200).data;
    for (const { currency, status, amount, refunded } of payments) {
      const sum = sums.get(currency) ?? { captured: 0, refunded: 0 };
      if (status === 'captured') sum.captured += Math.round(amount * 100);
      sum.refunded += Math.round(refunded * 100);
      sums.set(currency, sum);
    }
    for (const [currency, { captured, refunded }] of sums) {
      const days = (before.revenue as Json[]).filter((row) => row.currency === currency);
      const net = days.reduce((sum, day) => sum + Math.round(day.net * 100), 0);
      expect(net, currency).to.equal(captured - refunded);
      expect(Math.round(total(before, currency).net * 100), currency).to.equal(net);
    }
    expect(sums.size).to.equal(2);
    for (const name of ['dashboard_figures', 'dashboard_orders']) {
      must(await admin.call('POST', `/admin/projections/${name}/rebuild`, {}), 200);
      await eventually(
        `${name} is rebuilt`,
        async () => {
          const all: Json[] = must(await admin.call('GET', '/admin/projections'), 200).data;
          const { rebuild } = all.find((one) => one.name === name);
          if (rebuild.status === 'running') return undefined;
          expect(rebuild).to.include({ status: 'done', differences: 0 });
          return rebuild;
        },
        PATIENCE_MS,
      );
    }
    expect(await dashboard(window)).to.deep.equal(before);
  });

  it('B11: tells a share of nothing as null, and shares of carts as they are', async () => {
    const nothing = await dashboard({ from: '2001-01-01', to: '2001-01-02' });
    expect(nothing.conversion).to.include({
      carts: 0,
      cart_to_order: null,
      order_to_captured: null,
      cart_to_captured: null,
    });
    expect(nothing).to.deep.include({ revenue: [], totals: [], refunds: [], best_sellers: [], new_users: 0 });
    const before = (await today()).conversion;
    const shopper = await shop.people.buyer();
    for (let at = 0; at < 2; at += 1) {
      must(await shopper.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200);
    }
    const { id } = must(await shopper.call('POST', '/orders', ADDRESS), 201).data;
    await shop.people.untilOrder(shopper, id, 'paid', PATIENCE_MS);
    const { conversion } = await until(
      'it is counted',
      (told) => told.conversion.orders_captured > before.orders_captured,
    );
    expect([conversion.carts, conversion.orders_from_carts]).to.deep.equal([
      before.carts + 1,
      before.orders_from_carts + 1,
    ]);
    expect(conversion.cart_to_order).to.equal(1);
  });

  it('has another address, is for administrators alone, and says what is wrong with its arguments', async () => {
    expect(must(await admin.call('GET', '/protected/admin/dashboard'), 200).data).to.have.property('revenue');
    for (const path of ['/admin/dashboard', '/protected/admin/dashboard']) must(await buyer.call('GET', path), 403);
    for (const query of [
      'time_zone=Mars/Olympus',
      'time_zone=%2B01:00',
      'from=2026-02-30',
      'from=2026-03-02&to=2026-03-01',
    ]) {
      must(await admin.call('GET', `/admin/dashboard?${query}`), 400);
    }
    must(await admin.call('GET', '/admin/dashboard?from=2025-01-01&to=2026-11-01'), 400);
  });
});
