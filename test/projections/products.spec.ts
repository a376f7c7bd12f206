import { expect } from 'chai';
import fc from 'fast-check';
import { fold } from '../../src/engine/decide/decider.ts';
import type { OrderEvent } from '../../src/aggregates/order.ts';
import type { ProductEvent, ProductListed, ProductStatus } from '../../src/aggregates/product.ts';
import type { Rating, ReviewEvent } from '../../src/aggregates/review.ts';
import { stockDecider, type StockEvent } from '../../src/aggregates/stock.ts';
import { type ProductRow, products } from '../../src/projections/products.ts';
import { vectorOf } from '../../src/projections/search.ts';
import { line, placed } from '../aggregates/orderExamples.ts';
import { type Fact, given, recordedEvents, rowsOf } from '../support/given.ts';
import { RUNS } from '../support/properties.ts';
import { picture } from '../support/pictures.ts';

const FIRST = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T09:00:00.000Z';

const listed = (name: string): ProductListed => ({
  type: 'ProductListed',
  data: {
    ...{ storeId: 'store', sellerId: 'ben', sku: null, name, description: '' },
    ...{ price: 1_990, currency: 'EUR', categoryId: 'teas' },
  },
});
const received = (quantity: number): StockEvent => ({ type: 'StockReceived', data: { quantity } });
const reserved = (orderId: string, quantity: number): StockEvent => ({
  type: 'StockReserved',
  data: { orderId, buyerId: 'ann', quantity, expiresAt: LATER },
});
const settled = (type: 'StockReleased' | 'StockShipped', orderId: string, quantity: number): StockEvent => ({
  type,
  data: { orderId, quantity },
});

const row = (id: string, name: string, stock: Partial<ProductRow> = {}): ProductRow => ({
  ...{ id, listed: true, hidden: null, store_id: 'store', seller_id: 'ben', sku: null, name, description: '' },
  ...{
    price: 1_990,
    currency: 'EUR',
    category_id: 'teas',
    on_hand: 0,
    low_stock_below: null,
    reserved: 0,
    ordered: 0,
    ratings: [0, 0, 0, 0, 0],
    rating: null,
    image: null,
  },
  ...{ created_at: FIRST, updated_at: FIRST, words: vectorOf(name, '') },
  ...stock,
});

const both: Fact[] = [
  ['stock-green', received(10), FIRST],
  ['product-green', listed('Green'), FIRST],
  ['product-black', listed('Black'), FIRST],
];

describe('products', () => {
  it('show the last picture, also once they are delisted, and none after it was removed', () => {
    const changed = (key: string): ProductEvent => ({
      type: 'ProductImageChanged',
      data: { image: picture(key), replaced: null },
    });
    const removed: ProductEvent = { type: 'ProductImageRemoved', data: { replaced: 'new' } };
    const delisted: ProductEvent = { type: 'ProductDelisted', data: {} };
    const shown: Fact[] = [
      ['product-green', listed('Green'), FIRST],
      ['product-green', changed('old'), FIRST],
      ['product-green', changed('new'), LATER],
    ];
    const green = { ...row('green', 'Green'), updated_at: LATER };
    given(products, ...recordedEvents(...shown)).then({ ...green, image: picture('new') });
    given(products, ...recordedEvents(...shown, ['product-green', delisted, LATER])).then({
      ...green,
      listed: false,
      image: picture('new'),
    });
    given(products, ...recordedEvents(...shown, ['product-green', removed, LATER])).then(green);
  });

  it('have their catalogue entry and their stock in one row', () => {
    given(products, ...recordedEvents(...both)).then(row('black', 'Black'), row('green', 'Green', { on_hand: 10 }));
  });

  it('are hidden as drafts from the start, and as inactive ones, and are gone once they are delisted', () => {
    const status = (wanted: ProductStatus): Fact => [
      'product-green',
      { type: 'ProductStatusChanged', data: { status: wanted } },
      FIRST,
    ];
    const drafted: Fact[] = [['stock-green', received(10), FIRST], status('draft')];
    const green = (of: Partial<ProductRow>): ProductRow => row('green', 'Green', { on_hand: 10, ...of });
    const [begun] = rowsOf(products, recordedEvents(...drafted));
    expect(begun).to.include({ listed: false, hidden: 'draft' });
    drafted.push(['product-green', listed('Green'), FIRST]);
    given(products, ...recordedEvents(...drafted)).then(green({ listed: false, hidden: 'draft' }));
    given(products, ...recordedEvents(...drafted, status('active'))).then(green({}));
    drafted.push(status('active'), status('inactive'));
    given(products, ...recordedEvents(...drafted)).then(green({ listed: false, hidden: 'inactive' }));
    drafted.push(['product-green', { type: 'ProductDelisted', data: {} }, FIRST]);
    given(products, ...recordedEvents(...drafted)).then(green({ listed: false }));
  });

  it('are not listed while only their stock is there', () => {
    const [only, ...none] = rowsOf(products, recordedEvents(['stock-green', received(10), FIRST]));
    expect(none).to.have.length(0);
    expect(only).to.include({ id: 'green', listed: false, on_hand: 10 });
  });

  it('change in what was named, and in price', () => {
    const updated: ProductEvent = { type: 'ProductUpdated', data: { description: 'Fine', categoryId: 'fine' } };
    const dearer: ProductEvent = { type: 'ProductPriceChanged', data: { price: 2_490 } };
    given(
      products,
      ...recordedEvents(...both, ['product-green', updated, LATER], ['product-black', dearer, LATER]),
    ).then(
      row('black', 'Black', { price: 2_490, updated_at: LATER }),
      row('green', 'Green', {
        on_hand: 10,
        description: 'Fine',
        category_id: 'fine',
        updated_at: LATER,
        words: vectorOf('Green', 'Fine'),
      }),
    );
  });

  it('stay, but unlisted, when they are delisted', () => {
    const delisted: ProductEvent = { type: 'ProductDelisted', data: {} };
    given(products, ...recordedEvents(...both, ['product-green', delisted, LATER])).then(
      row('black', 'Black'),
      row('green', 'Green', { on_hand: 10, listed: false, updated_at: LATER }),
    );
  });

  it('count what is on hand and what is reserved', () => {
    const broken: StockEvent = { type: 'StockAdjusted', data: { change: -1, reason: 'broken' } };
    const moves: Fact[] = [
      ['stock-green', broken],
      ['stock-green', reserved('one', 2)],
      ['stock-green', reserved('two', 3)],
      ['stock-green', settled('StockReleased', 'one', 2)],
      ['stock-green', settled('StockShipped', 'two', 3)],
      ['stock-black', received(1)],
    ];
    const after = (moved: number): Partial<ProductRow>[] =>
      rowsOf(products, recordedEvents(...both, ...moves.slice(0, moved))).map(({ on_hand, reserved: held }) => ({
        on_hand,
        reserved: held,
      }));
    const none = { on_hand: 0, reserved: 0 };
    expect(after(1)).to.deep.equal([none, { on_hand: 9, reserved: 0 }]);
    expect(after(3)).to.deep.equal([none, { on_hand: 9, reserved: 5 }]);
    expect(after(4)).to.deep.equal([none, { on_hand: 9, reserved: 3 }]);
    expect(after(5)).to.deep.equal([none, { on_hand: 6, reserved: 0 }]);
    expect(after(6)).to.deep.equal([
      { on_hand: 1, reserved: 0 },
      { on_hand: 6, reserved: 0 },
    ]);
  });

  it('count how many were ever ordered', () => {
    const orderOf = (...lines: [string, number][]): OrderEvent => ({
      type: 'OrderPlaced',
      data: {
        ...placed.data,
        lines: lines.map(([productId, quantity]) => ({ ...line('store', 1_990, quantity), productId })),
      },
    });
    given(
      products,
      ...recordedEvents(
        ...both,
        ['order-one', orderOf(['green', 2], ['black', 1])],
        ['order-two', orderOf(['green', 3], ['unknown', 9])],
      ),
    ).then(row('black', 'Black', { ordered: 1 }), row('green', 'Green', { on_hand: 10, ordered: 5 }));
  });

  it('agree with the stock after any movements', () => {
    const quantity = fc.integer({ min: 1, max: 5 });
    const orderId = fc.constantFrom('one', 'two', 'three');
    const move = fc.oneof(
      quantity.map((many) => ({ type: 'ReceiveStock' as const, data: { quantity: many } })),
      fc
        .tuple(orderId, quantity)
        .map(([id, many]) => ({ type: 'ReserveStock' as const, data: reserved(id, many).data })),
      orderId.map((id) => ({ type: 'ReleaseStock' as const, data: { orderId: id } })),
      orderId.map((id) => ({ type: 'ShipStock' as const, data: { orderId: id } })),
    );
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
        const events: StockEvent[] = [received(5)];
        for (const intent of moves) {
          const state = fold(stockDecider, stockDecider.initial, events);
          const asked = { ...intent, id: '', actor: '', now: FIRST, correlationId: '' };
          try {
            events.push(...stockDecider.decide(asked as Parameters<typeof stockDecider.decide>[0], state));
          } catch {
            continue;
          }
        }
        const { onHand, reserved: held } = fold(stockDecider, stockDecider.initial, events);
        const [only] = rowsOf(products, recordedEvents(...events.map((event): Fact => ['stock-green', event])));
        expect(only).to.include({ on_hand: onHand, reserved: held });
      }),
      RUNS,
    );
  });

  it('count the reviews that are shown, and average them', () => {
    const about = { productId: 'green', storeId: 'store', authorId: 'ann', orderId: 'order', comment: null };
    const posted = (rating: Rating): ReviewEvent => ({ type: 'ReviewPosted', data: { ...about, rating } });
    const facts: Fact[] = [
      ...both,
      ['review-a', posted(5)],
      ['review-b', posted(2)],
      ['review-c', posted(1)],
      [
        'review-b',
        {
          type: 'ReviewEdited',
          data: { ...{ productId: 'green', rating: 4, formerRating: 2 }, counted: true, comment: null },
        },
      ],
      ['review-c', { type: 'ReviewHidden', data: { productId: 'green', rating: 1, reason: 'spam' } }],
      [
        'review-c',
        {
          type: 'ReviewEdited',
          data: { ...{ productId: 'green', rating: 3, formerRating: 1 }, counted: false, comment: null },
        },
      ],
    ];
    const rated = (ratings: number[], rating: number | null) => row('green', 'Green', { on_hand: 10, ratings, rating });
    given(products, ...recordedEvents(...facts)).then(row('black', 'Black'), rated([0, 0, 0, 1, 1], 4.5));
    const shown: Fact = ['review-c', { type: 'ReviewShown', data: { productId: 'green', rating: 3, reason: null } }];
    given(products, ...recordedEvents(...facts, shown)).then(row('black', 'Black'), rated([0, 0, 1, 1, 1], 4));
    const gone = (review: string, rating: Rating, counted: boolean): Fact => [
      review,
      { type: 'ReviewDeleted', data: { productId: 'green', rating, counted } },
    ];
    const all = [gone('review-a', 5, true), gone('review-b', 4, true), gone('review-c', 3, false)];
    given(products, ...recordedEvents(...facts, ...all)).then(row('black', 'Black'), rated([0, 0, 0, 0, 0], null));
  });
});
