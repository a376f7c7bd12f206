import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../src/engine/decide/decider.ts';
import {
  available,
  reservedFor,
  stockDecider,
  type StockCommand,
  type StockEvent,
  type StockState,
} from '../../src/aggregates/stock.ts';
import { isRefusal } from '../../src/errors.ts';
import { commandOf, given, type Intent } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';

const EXPIRY = '2026-03-01T12:15:00.000Z';

const received: StockEvent = { type: 'StockReceived', data: { quantity: 10 } };
const reserved = (orderId: string, quantity: number): StockEvent => ({
  type: 'StockReserved',
  data: { orderId, buyerId: 'ann', quantity, expiresAt: EXPIRY },
});
const released = (orderId: string, quantity: number): StockEvent => ({
  type: 'StockReleased',
  data: { orderId, quantity },
});
const shipped = (orderId: string, quantity: number): StockEvent => ({
  type: 'StockShipped',
  data: { orderId, quantity },
});

const reserve = (orderId: string, quantity: number) =>
  ({ type: 'ReserveStock', data: { orderId, buyerId: 'ann', quantity, expiresAt: EXPIRY } }) as const;
const release = (orderId: string) => ({ type: 'ReleaseStock', data: { orderId } }) as const;
const ship = (orderId: string) => ({ type: 'ShipStock', data: { orderId } }) as const;
const adjust = (change: number) => ({ type: 'AdjustStock', data: { change, reason: 'counted' } }) as const;

describe('stock', () => {
  it('is received, and receiving nothing is nothing', () => {
    given(stockDecider)
      .when({ type: 'ReceiveStock', data: { quantity: 10 } })
      .then(received);
    given(stockDecider)
      .when({ type: 'ReceiveStock', data: { quantity: 0 } })
      .thenNothing();
  });

  it('is set to a total by one adjustment, which never goes below what is reserved', () => {
    const set = (total: number) => ({ type: 'SetStock', data: { total, reason: 'counted' } }) as const;
    const sold = [received, reserved('one', 3), shipped('one', 3)] as const;
    given(stockDecider, ...sold)
      .when(set(10))
      .then({ type: 'StockAdjusted', data: { change: 3, reason: 'counted' } });
    given(stockDecider, ...sold)
      .when(set(7))
      .thenNothing();
    given(stockDecider, received, reserved('one', 4))
      .when(set(4))
      .then({ type: 'StockAdjusted', data: { change: -6, reason: 'counted' } });
    given(stockDecider, received, reserved('one', 4))
      .when(set(3))
      .thenRefused('StockBelowReserved', 'INSUFFICIENT_STOCK');
  });

  it('B10 (1): is not set to a total that was decided by other figures', () => {
    const seeing = (seen: { onHand: number; reserved: number } | null) =>
      ({ type: 'SetStock', data: { total: 10, reason: 'counted', seen } }) as const;
    const set = (onHand: number, held: number) => seeing({ onHand, reserved: held });
    const sold = [received, reserved('one', 3)] as const;
    given(stockDecider, ...sold)
      .when(set(10, 0))
      .thenRefused('StockChanged');
    given(stockDecider, ...sold)
      .when(set(10, 3))
      .thenNothing();
    given(stockDecider, received).when(seeing(null)).thenRefused('StockChanged');
    given(stockDecider, ...sold, shipped('one', 3))
      .when(set(10, 3))
      .thenRefused('StockChanged');
  });

  it('says once that little is left, and again only after there was more', () => {
    const threshold: StockEvent = { type: 'LowStockThresholdChanged', data: { below: 5 } };
    const low = (left: number): StockEvent => ({ type: 'StockRanLow', data: { available: left, below: 5 } });
    const watched = [received, threshold] as const;
    given(stockDecider, ...watched)
      .when(reserve('one', 5))
      .then(reserved('one', 5));
    given(stockDecider, ...watched)
      .when(reserve('one', 6))
      .then(reserved('one', 6), low(4));
    given(stockDecider, ...watched)
      .when(adjust(-8))
      .then({ type: 'StockAdjusted', data: { change: -8, reason: 'counted' } }, low(2));
    const ranLow = [...watched, reserved('one', 6), low(4)] as const;
    given(stockDecider, ...ranLow)
      .when(reserve('two', 1))
      .then(reserved('two', 1));
    given(stockDecider, ...ranLow, released('one', 6))
      .when(reserve('two', 9))
      .then(reserved('two', 9), low(1));
    given(stockDecider, received).when(reserve('one', 10)).then(reserved('one', 10));
  });

  it('takes another threshold, also above what is left, and none', () => {
    const change = (below: number | null) => ({ type: 'ChangeLowStockThreshold', data: { below } }) as const;
    const changed = (below: number | null): StockEvent => ({ type: 'LowStockThresholdChanged', data: { below } });
    given(stockDecider, received).when(change(20)).then(changed(20));
    given(stockDecider, received, changed(20)).when(change(20)).thenNothing();
    given(stockDecider, received, changed(20)).when(reserve('one', 1)).then(reserved('one', 1));
    given(stockDecider, received, changed(5)).when(change(null)).then(changed(null));
    given(stockDecider, received).when(change(null)).thenNothing();
  });

  it('is reserved as long as there is enough', () => {
    given(stockDecider, received).when(reserve('one', 10)).then(reserved('one', 10));
    given(stockDecider, received).when(reserve('one', 11)).thenRefused('InsufficientStock', 'INSUFFICIENT_STOCK');
    given(stockDecider).when(reserve('one', 1)).thenRefused('InsufficientStock', 'INSUFFICIENT_STOCK');
  });

  it('that is reserved for one order is not free for another', () => {
    given(stockDecider, received, reserved('one', 7)).when(reserve('two', 4)).thenRefused('InsufficientStock');
    given(stockDecider, received, reserved('one', 7)).when(reserve('two', 3)).then(reserved('two', 3));
  });

  it('is reserved once for an order', () => {
    given(stockDecider, received, reserved('one', 7)).when(reserve('one', 7)).thenNothing();
  });

  it('that is released is free again', () => {
    given(stockDecider, received, reserved('one', 7)).when(release('one')).then(released('one', 7));
    given(stockDecider, received, reserved('one', 7), released('one', 7))
      .when(reserve('two', 10))
      .then(reserved('two', 10));
  });

  it('that is shipped is gone', () => {
    given(stockDecider, received, reserved('one', 7)).when(ship('one')).then(shipped('one', 7));
    given(stockDecider, received, reserved('one', 7), shipped('one', 7))
      .when(reserve('two', 4))
      .thenRefused('InsufficientStock');
  });

  it('is released or shipped once, and only what was reserved', () => {
    for (const settle of [release('one'), ship('one')]) {
      given(stockDecider, received).when(settle).thenNothing();
      given(stockDecider, received, reserved('one', 7), released('one', 7)).when(settle).thenNothing();
      given(stockDecider, received, reserved('one', 7), shipped('one', 7)).when(settle).thenNothing();
    }
  });

  it('is adjusted up, and down to what is reserved', () => {
    given(stockDecider, received)
      .when(adjust(5))
      .then({ type: 'StockAdjusted', data: { change: 5, reason: 'counted' } });
    given(stockDecider, received, reserved('one', 7))
      .when(adjust(-3))
      .then({ type: 'StockAdjusted', data: { change: -3, reason: 'counted' } });
    given(stockDecider, received, reserved('one', 7))
      .when(adjust(-4))
      .thenRefused('StockBelowReserved', 'INSUFFICIENT_STOCK');
    given(stockDecider, received).when(adjust(0)).thenNothing();
  });
});

/** A naive model of the same rules: a number and a map. */
class Shelf {
  onHand = 0;
  below = 0;
  readonly reservations = new Map<string, number>();

  get reserved(): number {
    return [...this.reservations.values()].reduce((sum, quantity) => sum + quantity, 0);
  }

  get isLow(): boolean {
    return this.onHand - this.reserved < this.below;
  }

  take({ type, data }: Intent<StockCommand>): 'done' | 'refused' {
    switch (type) {
      case 'ReceiveStock':
        this.onHand += data.quantity;
        return 'done';
      case 'AdjustStock':
        if (this.onHand + data.change < this.reserved) return 'refused';
        this.onHand += data.change;
        return 'done';
      case 'SetStock':
        if (data.total < this.reserved) return 'refused';
        this.onHand = data.total;
        return 'done';
      case 'ReserveStock':
        if (this.reservations.has(data.orderId)) return 'done';
        if (this.onHand - this.reserved < data.quantity) return 'refused';
        this.reservations.set(data.orderId, data.quantity);
        return 'done';
      case 'ReleaseStock':
        this.reservations.delete(data.orderId);
        return 'done';
      case 'ShipStock':
        this.onHand -= this.reservations.get(data.orderId) ?? 0;
        this.reservations.delete(data.orderId);
        return 'done';
      case 'ChangeLowStockThreshold':
        this.below = data.below ?? 0;
        return 'done';
    }
  }
}

// The last two characters choose the bucket of a reservation. Some ids share one, and some do not end with a hexadecimal number.
const ORDERS = ['order-00', 'order-a0', 'other-00', 'order-ff', 'zz', ''];
const order = fc.constantFrom(...ORDERS);
const quantity = fc.integer({ min: 1, max: 12 });
const stockCommand: fc.Arbitrary<Intent<StockCommand>> = fc.oneof(
  quantity.map((many) => ({ type: 'ReceiveStock' as const, data: { quantity: many } })),
  fc.integer({ min: -12, max: 12 }).map(adjust),
  fc.tuple(order, quantity).map(([id, many]) => reserve(id, many)),
  order.map(release),
  order.map(ship),
  fc
    .option(fc.integer({ min: 0, max: 20 }))
    .map((below) => ({ type: 'ChangeLowStockThreshold' as const, data: { below } })),
);

describe('stock, under any sequence of commands', () => {
  const decided = (state: StockState, intent: Intent<StockCommand>): readonly StockEvent[] | 'refused' => {
    try {
      return stockDecider.decide(commandOf<StockCommand>(intent), state);
    } catch (error) {
      if (isRefusal(error)) return 'refused';
      throw error;
    }
  };

  it('is never negative, never promised twice, and what a naive shelf would hold, at every prefix', () => {
    fc.assert(
      fc.property(fc.array(stockCommand, { maxLength: 40 }), (commands) => {
        const shelf = new Shelf();
        let state = stockDecider.initial;
        for (const intent of commands) {
          const events = decided(state, intent);
          const wasLow = shelf.isLow;
          expect(events === 'refused' ? 'refused' : 'done').to.equal(shelf.take(intent));
          const isTold = events !== 'refused' && events.some(({ type }) => type === 'StockRanLow');
          const crossed = shelf.isLow && !wasLow && intent.type !== 'ChangeLowStockThreshold';
          expect(isTold, 'told that little is left').to.equal(crossed);
          state = fold(stockDecider, state, events === 'refused' ? [] : events);
          const held = ORDERS.reduce((sum, id) => sum + reservedFor(state, id), 0);
          expect(state.onHand).to.equal(shelf.onHand);
          expect(state.reserved).to.equal(held).and.to.equal(shelf.reserved);
          expect(available(state))
            .to.equal(state.onHand - held)
            .and.to.be.at.least(0);
          for (const id of ORDERS) expect(reservedFor(state, id)).to.equal(shelf.reservations.get(id) ?? 0);
        }
      }),
      RUNS,
    );
  });

  it('keeps thousands of reservations apart', () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => `order-${index.toString(16).padStart(4, '0')}`);
    const all = fold(stockDecider, stockDecider.initial, [
      { type: 'StockReceived', data: { quantity: 3_000 } },
      ...ids.map((id) => reserved(id, 1)),
    ]);
    expect(available(all)).to.equal(0);
    expect(ids.every((id) => reservedFor(all, id) === 1)).to.equal(true);
    const half = fold(
      stockDecider,
      all,
      ids.filter((_, index) => index % 2 === 0).map((id) => released(id, 1)),
    );
    expect(available(half)).to.equal(1_500);
    expect(ids.filter((id) => reservedFor(half, id) === 1)).to.have.length(1_500);
  });
});
