import { expect } from 'chai';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { fold } from '../../src/engine/decide/decider.ts';
import { orderDecider, type OrderEvent } from '../../src/aggregates/order.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { fulfilment } from '../../src/handlers/fulfilment.ts';
import { react } from '../../src/engine/react/reaction.ts';
import { anOrder, now, openShop, STORES } from './shop.ts';

const orderId = '0193f9a0-0000-7000-8000-000000000001';
const [teapot, cup, tea] = anOrder.lines.map(({ productId }) => productId) as [string, string, string];

const placed: OrderEvent = { type: 'OrderPlaced', data: anOrder };
const paid: OrderEvent = { type: 'PaymentCaptured', data: { paymentId: 'p', reference: 'r', amount: 5_000 } };
const cancelled: OrderEvent = { type: 'OrderCancelled', data: { reason: 'too late', by: 'buyer' } };
const advanced = (status: 'processing' | 'shipping' | 'shipped' | 'completed'): OrderEvent => ({
  type: 'FulfilmentAdvanced',
  data: { storeId: STORES[0], status },
});

/** Checks that the last of an order's events, when it is delivered, leads to exactly these commands. */
const given = (...events: OrderEvent[]) => ({
  thenCommands(...expected: { decider: string; id: string; type: string; data: object }[]): void {
    const event = { ...events.at(-1)!, stream: `order-${orderId}` } as RecordedEvent<OrderEvent>;
    const entry = fulfilment.on[event.type] as
      | ((
          event: RecordedEvent,
          state: unknown,
        ) => readonly { decider: string; id: string; type: string; data: object }[])
      | undefined;
    const consequences = entry?.(event, fold(orderDecider, orderDecider.initial, events)) ?? [];
    expect(consequences.map(({ decider, id, type, data }) => ({ decider, id, type, data }))).to.deep.equal(expected);
  },
});
const stock = (type: string, id: string) => ({ decider: 'stock', id, type, data: { orderId } });

const place = { decider: 'unpaid', id: anOrder.buyerId, type: 'CloseUnpaidOrder', data: { orderId } };

describe('fulfilment', () => {
  it('empties the cart an order came from', () => {
    given(placed).thenCommands({ decider: 'cart', id: anOrder.buyerId, type: 'CheckOutCart', data: { orderId } });
  });

  it('leaves the cart alone when the order did not come from it', () => {
    given({ type: 'OrderPlaced', data: { ...anOrder, fromCart: false } }).thenCommands();
  });

  it('gives back what a cancelled order held, each product once', () => {
    given(placed, cancelled).thenCommands(
      stock('ReleaseStock', teapot),
      stock('ReleaseStock', cup),
      stock('ReleaseStock', tea),
      place,
    );
  });

  it('frees the place among the buyer’s unpaid orders once an order is paid', () => {
    given(placed, paid).thenCommands(place);
  });

  it('gives back what a cancelled part of an order held, and only of that store', () => {
    const part: OrderEvent = {
      type: 'FulfilmentCancelled',
      data: { storeId: STORES[0], reason: 'sold out', by: 'seller' },
    };
    given(placed, paid, part).thenCommands(stock('ReleaseStock', teapot), stock('ReleaseStock', cup));
  });

  it('ships from stock what the store has sent, and only of that store', () => {
    given(placed, paid, advanced('shipped')).thenCommands(stock('ShipStock', teapot), stock('ShipStock', cup));
  });

  it('has nothing to do for any other step', () => {
    given(placed, paid, advanced('processing')).thenCommands();
    given(placed, paid, advanced('shipping')).thenCommands();
    given(placed, paid, advanced('completed')).thenCommands();
  });

  it('changes nothing when its events are delivered again', async () => {
    const shop = openShop();
    for (const [index, productId] of [teapot, cup, tea].entries()) {
      await shop.does(stockDecider, productId, { type: 'ReceiveStock', data: { quantity: 10 } });
      const { quantity } = anOrder.lines[index]!;
      const data = { orderId, buyerId: anOrder.buyerId, quantity, expiresAt: '2026-11-21T08:01:00.000Z' };
      await shop.does(stockDecider, productId, { type: 'ReserveStock', data });
    }
    await shop.does(cartDecider, anOrder.buyerId, { type: 'AddCartItem', data: { productId: teapot, quantity: 1 } });
    const start = { orderId, expiresAt: '2026-11-21T08:01:00.000Z' };
    await shop.does(cartDecider, anOrder.buyerId, { type: 'StartCheckout', data: start });
    const payment = { paymentId: 'p', method: 'sandbox' };
    await shop.does(orderDecider, orderId, { type: 'PlaceOrder', data: { order: anOrder, payment } });
    const cancel = { reason: 'changed my mind', by: 'buyer', refundId: 'r' } as const;
    await shop.does(orderDecider, orderId, { type: 'CancelOrder', data: cancel });

    const subscription = react(fulfilment, { services: shop.services, now });
    await shop.deliver(subscription, 3);
    await shop.deliver(subscription, 2);

    for (const productId of [teapot, cup, tea]) {
      const types = (await shop.events('stock', productId)).map(({ type }) => type);
      expect(types).to.deep.equal(['StockReceived', 'StockReserved', 'StockReleased']);
    }
    const cart = await shop.events('cart', anOrder.buyerId);
    expect(cart.map(({ type }) => type)).to.deep.equal(['CartItemAdded', 'CheckoutStarted', 'CartCheckedOut']);
    const { metadata } = cart.at(-1)!;
    const [cause] = await shop.events('order', orderId);
    expect(metadata).to.include({
      actor: 'system:fulfilment',
      causationId: cause!.id,
      correlationId: cause!.metadata.correlationId,
    });
  });
});
