import { expect } from 'chai';
import type { OrderCancelled, OrderEvent, OrderPlaced } from '../../../src/aggregates/order.ts';
import { idOf } from '../../../src/eventstore/eventStore.ts';
import type { Change, Projection } from '../../../src/engine/project/projection.ts';

interface Row {
  readonly id: string;
  readonly reason: string;
}

type Entries = Projection<Row, OrderEvent>['on'];

const cancelled: Change<Row, OrderCancelled> = {
  key: ({ stream }) => idOf(stream),
  row: (_row, { data }, id) => ({ id, reason: data.reason }),
};
const placed: Change<Row, OrderPlaced> = {
  key: ({ stream }) => idOf(stream),
  row: (_row, _event, id) => ({ id, reason: '' }),
};

/** The compiler is the test here: it reports each `@ts-expect-error` whose next line compiles. */
describe('the entries of a projection', () => {
  it('are events of its union, each with a change for its own data', () => {
    const right: Entries = { OrderCancelled: cancelled, OrderPlaced: placed };
    // @ts-expect-error no event of an order has this name
    const misspelt: Entries = { OrderCanceled: cancelled };
    // @ts-expect-error this change reads the data of another event
    const swapped: Entries = { OrderPlaced: cancelled };
    const invented: Entries['OrderCancelled'] = {
      key: ({ stream }) => stream,
      // @ts-expect-error this event has no such field
      row: (_row, { data }, id) => ({ id, reason: data.mood }),
    };
    expect([right, misspelt, swapped].map((entries) => Object.keys(entries).length)).to.deep.equal([2, 1, 1]);
    expect(invented).to.have.keys('key', 'row');
  });
});
