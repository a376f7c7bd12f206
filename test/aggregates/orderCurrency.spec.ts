import { expect } from 'chai';
import fc from 'fast-check';
import { orderDecider, type OrderEvent } from '../../src/aggregates/order.ts';
import { fold } from '../../src/engine/decide/decider.ts';
import { given } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';
import { captured, line, paid, pending, placed, refundRequested, refunded, TOTAL } from './orderExamples.ts';
import { orderLife } from './orderLives.ts';

const refund = { refundId: 'r1', paymentId: 'p1', reason: 'damaged', storeId: null };

describe('the currency of an order', () => {
  it('is that of all its lines', () => {
    const lines = [line('north', 3_000, 2), { ...line('south', 4_000, 1), currency: 'USD' }];
    given(orderDecider)
      .when({
        type: 'PlaceOrder',
        data: { order: { ...placed.data, lines }, payment: { paymentId: 'p1', method: 'sandbox' } },
      })
      .thenRefused('OtherCurrency');
  });

  it('is that in which it is paid', () => {
    const yen = { paymentId: 'p1', reference: 'charge p1', amount: TOTAL, currency: 'JPY', refundId: 'r1' };
    given(orderDecider, ...pending)
      .when({ type: 'RecordCapture', data: yen })
      .thenRefused('OtherCurrency');
  });

  it('is that in which it is given back', () => {
    given(orderDecider, ...paid)
      .when({ type: 'RequestRefund', data: { ...refund, amount: { amount: 100, currency: 'JPY' } } })
      .thenRefused('OtherCurrency');
  });

  it('is named in every event that has an amount, whatever happens to it', () => {
    fc.assert(
      fc.property(orderLife, (life) => {
        for (const { type, data } of life) {
          if ('amount' in data) expect(data, type).to.have.property('currency', 'EUR');
        }
      }),
      RUNS,
    );
  });

  it('is meant by the amounts of earlier versions, which named none', () => {
    const nameless = ({ type, data }: OrderEvent): OrderEvent => {
      const { currency: _currency, ...rest } = data as { currency?: string };
      return { type, data: rest } as OrderEvent;
    };
    const later = [captured(), refundRequested(2_500), refunded(2_500)];
    const stateAfter = (events: readonly OrderEvent[]) =>
      fold(orderDecider, orderDecider.initial, [...pending, ...events]);
    expect(stateAfter(later.map(nameless))).to.deep.equal(stateAfter(later));
  });
});
