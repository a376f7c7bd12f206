import { expect } from 'chai';
import type { OrderPlaced } from '../../src/aggregates/order.ts';
import { bought } from '../../src/projections/bought.ts';
import { line, placed } from '../aggregates/orderExamples.ts';
import { recordedEvents, rowsOf } from '../support/given.ts';

const of = (...productIds: string[]): OrderPlaced => ({
  type: 'OrderPlaced',
  data: { ...placed.data, lines: productIds.map((productId) => ({ ...line('store', 100, 3), productId })) },
});

/** The products that each product was bought with. */
function pairsOf(...productIds: string[]): Map<string, string[]> {
  const rows = rowsOf(bought, recordedEvents(['order-one', of(...productIds)]));
  return new Map(rows.map(({ product_id: id, others }) => [id, others.map((other) => other.product_id)]));
}

describe('what was bought', () => {
  it('has a row for each line of an order, with its units and its day', () => {
    const rows = rowsOf(bought, recordedEvents(['order-one', of('cup', 'tea')]));
    expect(
      rows.map(({ key, order_id, product_id, store_id, quantity }) => [key, order_id, product_id, store_id, quantity]),
    ).to.deep.equal([
      ['one/0', 'one', 'cup', 'store', 3],
      ['one/1', 'one', 'tea', 'store', 3],
    ]);
  });

  it('pairs what is ordered together, both ways, and nothing with itself', () => {
    expect(pairsOf('cup', 'tea', 'pot').get('tea')).to.deep.equal(['cup', 'pot']);
    expect(pairsOf('tea').get('tea')).to.deep.equal([]);
  });

  it('pairs each of nine lines with all others', () => {
    const nine = Array.from({ length: 9 }, (_, at) => `product ${at}`);
    for (const [id, others] of pairsOf(...nine)) expect(others).to.deep.equal(nine.filter((other) => other !== id));
  });

  it('pairs each line of a large order with eight others and leaves none out', () => {
    const many = Array.from({ length: 50 }, (_, at) => `product ${at}`);
    const pairs = pairsOf(...many);
    expect([...pairs.keys()].sort()).to.deep.equal([...many].sort());
    for (const [id, others] of pairs) {
      expect(new Set(others)).to.have.property('size', 8);
      for (const other of others) expect(pairs.get(other), `${id} and ${other}`).to.include(id);
    }
  });
});
