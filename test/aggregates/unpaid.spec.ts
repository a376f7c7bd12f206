import { type UnpaidEvent, unpaidDecider } from '../../src/aggregates/unpaid.ts';
import { given, NOW } from '../support/given.ts';

const bounds = { ordersMax: 2, unitsMax: 10 };
const order = (orderId: string, ...lines: readonly [productId: string, quantity: number][]) => ({
  orderId,
  lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
  expiresAt: NOW,
});
const opened = (...data: Parameters<typeof order>): UnpaidEvent => ({
  type: 'UnpaidOrderOpened',
  data: order(...data),
});
const closed = (orderId: string): UnpaidEvent => ({ type: 'UnpaidOrderClosed', data: { orderId } });
const open = (of: ReturnType<typeof order>, within = bounds) =>
  ({ type: 'OpenUnpaidOrder', data: { ...of, bounds: within } }) as const;

describe('the unpaid orders of a buyer', () => {
  it('are as many as the bound allows', () => {
    given(unpaidDecider, opened('a', ['tea', 1]))
      .when(open(order('b', ['tea', 1])))
      .then(opened('b', ['tea', 1]));
    given(unpaidDecider, opened('a', ['tea', 1]), opened('b', ['tea', 1]))
      .when(open(order('c', ['cup', 1])))
      .thenRefused('TooManyUnpaidOrders');
  });

  it('hold as many units of each product as the bound allows', () => {
    given(unpaidDecider, opened('a', ['tea', 6], ['cup', 1]))
      .when(open(order('b', ['tea', 4], ['cup', 9])))
      .then(opened('b', ['tea', 4], ['cup', 9]));
    given(unpaidDecider, opened('a', ['tea', 6], ['cup', 1]))
      .when(open(order('b', ['tea', 5])))
      .thenRefused('TooManyUnpaidUnits');
    given(unpaidDecider)
      .when(open(order('a', ['tea', 11])))
      .thenRefused('TooManyUnpaidUnits');
  });

  it('make room once one is closed, once', () => {
    given(unpaidDecider, opened('a', ['tea', 10]), opened('b', ['cup', 10]), closed('a'))
      .when(open(order('c', ['tea', 10])))
      .then(opened('c', ['tea', 10]));
    given(unpaidDecider, opened('a', ['tea', 10]))
      .when({ type: 'CloseUnpaidOrder', data: { orderId: 'a' } })
      .then(closed('a'));
    given(unpaidDecider, opened('a', ['tea', 10]), closed('a'))
      .when({ type: 'CloseUnpaidOrder', data: { orderId: 'a' } })
      .thenNothing();
  });

  it('have no bound that is 0', () => {
    const past = Array.from({ length: 20 }, (_, index) => opened(`o${index}`, ['tea', 500]));
    given(unpaidDecider, ...past)
      .when(open(order('next', ['tea', 1]), { ordersMax: 0, unitsMax: 0 }))
      .then(opened('next', ['tea', 1]));
  });
});
