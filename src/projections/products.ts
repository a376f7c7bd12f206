import type { OrderEvent } from '../aggregates/order.ts';
import type {
  StockAdjusted,
  StockEvent,
  StockReceived,
  StockReleased,
  StockReserved,
  StockShipped,
} from '../aggregates/stock.ts';
import {
  type Rating,
  RATINGS,
  type ReviewDeleted,
  type ReviewEdited,
  type ReviewEvent,
  type ReviewHidden,
  type ReviewPosted,
  type ReviewShown,
} from '../aggregates/review.ts';
import type { Picture } from '../aggregates/picture.ts';
import type { Hidden, ProductEvent } from '../aggregates/product.ts';
import { type DomainEvent, idOf } from '../eventstore/eventStore.ts';
import { type Change, type Projection, unchanged } from '../engine/project/projection.ts';
import { vectorOf } from './search.ts';

/**
 * `listed`: everybody may find and buy it. It is false before the product is listed (its first stock event comes earlier), while its
 * seller hides it, and after it was delisted.
 */
export interface ProductRow {
  readonly id: string;
  readonly listed: boolean;
  /** Why the product of a seller is hidden from everybody else; null when it is not, or is not there. */
  readonly hidden: Hidden;
  readonly store_id: string;
  readonly seller_id: string;
  readonly sku: string | null;
  readonly name: string;
  readonly description: string;
  readonly price: number;
  readonly currency: string;
  readonly category_id: string;
  readonly on_hand: number;
  readonly reserved: number;
  /** Its seller is told when fewer units than this can be sold; null for never. */
  readonly low_stock_below: number | null;
  /** Units in all orders placed so far. */
  readonly ordered: number;
  /** How many reviews that are not hidden give 1, 2, 3, 4 and 5. */
  readonly ratings: readonly number[];
  /** The average of those reviews; null without any. */
  readonly rating: number | null;
  readonly image: Picture | null;
  readonly created_at: string;
  readonly updated_at: string;
  /** The words of name, SKU and description, by which searches find the product: the text of a tsvector. */
  readonly words: string;
}

const NOWHERE = '00000000-0000-0000-0000-000000000000';

const unlisted = (id: string, at: string): ProductRow => ({
  ...{ id, listed: false, hidden: null, store_id: NOWHERE, seller_id: NOWHERE, sku: null, name: '', description: '' },
  ...{ price: 0, currency: '', category_id: NOWHERE, on_hand: 0, reserved: 0, ordered: 0 },
  ...{ low_stock_below: null, ratings: RATINGS.map(() => 0), rating: null, image: null },
  created_at: at,
  updated_at: at,
  words: '',
});

const isThere = ({ listed, hidden }: ProductRow): boolean => listed || hidden !== null;

/** The change for a stock event: `move` returns what it adds to the units on hand and to the reserved units. */
const stock = <E extends DomainEvent>(
  move: (data: E['data']) => { onHand?: number; reserved?: number },
): Change<ProductRow, E> => ({
  key: (event) => idOf(event.stream),
  row: (found, event, id) => {
    const row = found ?? unlisted(id, event.metadata.occurredAt);
    const { onHand = 0, reserved = 0 } = move(event.data);
    return { ...row, on_hand: row.on_hand + onHand, reserved: row.reserved + reserved };
  },
});

/** The change for an event of a review: `counts` returns what it adds to the reviews of each rating. */
const rated = <E extends ReviewEvent & { data: { productId: string } }>(
  counts: (data: E['data']) => readonly (readonly [rating: Rating, added: 1 | -1])[],
): Change<ProductRow, E> => ({
  key: (event) => event.data.productId,
  row: (row, { data }) => {
    const changes = counts(data);
    if (row === undefined || changes.length === 0) return row;
    const ratings = [...row.ratings];
    for (const [rating, added] of changes) ratings[rating - 1]! += added;
    return { ...row, ratings, rating: averageOf(ratings) };
  },
});

function averageOf(ratings: readonly number[]): number | null {
  const count = ratings.reduce((sum, of) => sum + of, 0);
  return count === 0 ? null : ratings.reduce((sum, of, at) => sum + of * (at + 1), 0) / count;
}

export const products: Projection<ProductRow, ProductEvent | StockEvent | OrderEvent | ReviewEvent> = {
  name: 'products',
  table: 'products',
  key: 'id',
  of: 'product',
  columns: {
    id: 'uuid',
    listed: 'boolean',
    hidden: 'text',
    store_id: 'uuid',
    seller_id: 'uuid',
    sku: 'text',
    name: 'text',
    description: 'text',
    price: 'bigint',
    currency: 'text',
    category_id: 'uuid',
    on_hand: 'bigint',
    reserved: 'bigint',
    low_stock_below: 'bigint',
    ordered: 'bigint',
    ratings: 'jsonb',
    rating: 'float8',
    image: 'jsonb',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    words: 'tsvector',
  },
  on: {
    ProductListed: {
      key: (event) => idOf(event.stream),
      row: (found, { data, metadata: { occurredAt } }, id) => ({
        ...(found ?? unlisted(id, occurredAt)),
        ...{
          listed: (found?.hidden ?? null) === null,
          store_id: data.storeId,
          seller_id: data.sellerId,
          sku: data.sku,
          name: data.name,
        },
        ...{ description: data.description, price: data.price, currency: data.currency, category_id: data.categoryId },
        created_at: occurredAt,
        updated_at: occurredAt,
        words: vectorOf(data.name, data.description, data.sku),
      }),
    },
    ProductUpdated: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { categoryId, ...fields }, metadata }) =>
        row && {
          ...row,
          ...fields,
          category_id: categoryId ?? row.category_id,
          updated_at: metadata.occurredAt,
          words: vectorOf(
            fields.name ?? row.name,
            fields.description ?? row.description,
            fields.sku === undefined ? row.sku : fields.sku,
          ),
        },
    },
    ProductPriceChanged: {
      key: (event) => idOf(event.stream),
      row: (row, { data, metadata }) =>
        row && {
          ...row,
          price: data.price,
          currency: data.currency ?? row.currency,
          updated_at: metadata.occurredAt,
        },
    },
    ProductImageChanged: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { image }, metadata }) => row && { ...row, image, updated_at: metadata.occurredAt },
    },
    ProductImageRemoved: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, image: null, updated_at: metadata.occurredAt },
    },
    ProductStatusChanged: {
      key: (event) => idOf(event.stream),
      row: (found, { data: { status }, metadata: { occurredAt } }, id) => {
        const hidden = status === 'active' ? null : status;
        if (found === undefined || !isThere(found)) return { ...(found ?? unlisted(id, occurredAt)), hidden };
        return { ...found, listed: hidden === null, hidden, updated_at: occurredAt };
      },
    },
    ProductDelisted: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, listed: false, hidden: null, updated_at: metadata.occurredAt },
    },
    ProductClaimAbandoned: unchanged,
    StockReceived: stock<StockReceived>(({ quantity }) => ({ onHand: quantity })),
    StockAdjusted: stock<StockAdjusted>((data) => ({ onHand: data.change })),
    StockReserved: stock<StockReserved>(({ quantity }) => ({ reserved: quantity })),
    StockReleased: stock<StockReleased>(({ quantity }) => ({ reserved: -quantity })),
    StockShipped: stock<StockShipped>(({ quantity }) => ({ onHand: -quantity, reserved: -quantity })),
    LowStockThresholdChanged: {
      key: (event) => idOf(event.stream),
      row: (found, { data, metadata }, id) => ({
        ...(found ?? unlisted(id, metadata.occurredAt)),
        low_stock_below: data.below,
      }),
    },
    OrderPlaced: {
      key: (event) => event.data.lines.map(({ productId }) => productId),
      row: (row, event, id) => {
        const quantity = event.data.lines.find(({ productId }) => productId === id)?.quantity ?? 0;
        return row && { ...row, ordered: row.ordered + quantity };
      },
    },
    ReviewPosted: rated<ReviewPosted>(({ rating }) => [[rating, 1]]),
    ReviewEdited: rated<ReviewEdited>(({ rating, formerRating, counted }) =>
      counted && rating !== formerRating
        ? [
            [formerRating, -1],
            [rating, 1],
          ]
        : [],
    ),
    ReviewDeleted: rated<ReviewDeleted>(({ rating, counted }) => (counted ? [[rating, -1]] : [])),
    ReviewHidden: rated<ReviewHidden>(({ rating }) => [[rating, -1]]),
    ReviewShown: rated<ReviewShown>(({ rating }) => [[rating, 1]]),
  },
  tags: (id) => [`product:${id}`],
};
