import { expect } from 'chai';
import type { OrderPlaced } from '../../src/aggregates/order.ts';
import { related, type RelatedRow } from '../../src/projections/related.ts';
import { line, placed } from '../aggregates/orderExamples.ts';
import { given, recordedEvents, rowsOf } from '../support/given.ts';

const of = (...productIds: string[]): OrderPlaced => ({
  type: 'OrderPlaced',
  data: { ...placed.data, lines: productIds.map((productId) => ({ ...line('store', 100, 1), productId })) },
});
const pair = (one: string, other: string, times: number): RelatedRow => ({
  ...{ pair: `${one}:${other}`, product_id: one, related_id: other, times },
});

describe('related', () => {
  it('pairs what is ordered together, both ways, and counts', () => {
    given(
      related,
      ...recordedEvents(
        ['order-one', of('cup', 'tea')],
        ['order-two', of('pot', 'tea')],
        ['order-three', of('tea', 'cup')],
      ),
    ).then(pair('cup', 'tea', 2), pair('pot', 'tea', 1), pair('tea', 'cup', 2), pair('tea', 'pot', 1));
  });

  it('pairs nothing with itself', () => {
    given(related, ...recordedEvents(['order-one', of('tea')])).then();
  });

  it('pairs only the first lines of a large order', () => {
    const many = Array.from({ length: 50 }, (_, index) => `product ${index}`);
    expect(rowsOf(related, recordedEvents(['order-one', of(...many)]))).to.have.length(8 * 7);
  });
});
