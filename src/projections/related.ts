import type { OrderEvent } from '../aggregates/order.ts';
import type { Projection } from '../engine/project/projection.ts';

/** Only this many first lines of an order are paired: larger orders say little about which products belong together. */
const LINES_PAIRED_MAX = 8;

/** In how many orders two products were paired; one row for each direction. */
export interface RelatedRow {
  readonly pair: string;
  readonly product_id: string;
  readonly related_id: string;
  readonly times: number;
}

export const related: Projection<RelatedRow, OrderEvent> = {
  name: 'related',
  table: 'related',
  key: 'pair',
  of: 'order',
  columns: { pair: 'text', product_id: 'uuid', related_id: 'uuid', times: 'bigint' },
  on: {
    OrderPlaced: {
      key: ({ data }) => {
        const ids = data.lines.slice(0, LINES_PAIRED_MAX).map(({ productId }) => productId);
        return ids.flatMap((one) => ids.filter((other) => other !== one).map((other) => `${one}:${other}`));
      },
      row: (row, _event, pair) => {
        const [productId = '', relatedId = ''] = pair.split(':');
        return { pair, product_id: productId, related_id: relatedId, times: (row?.times ?? 0) + 1 };
      },
    },
  },
};
