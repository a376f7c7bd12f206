import type { OrderEvent } from '../aggregates/order.ts';
import type { Projection } from '../engine/project/projection.ts';

/** Orders larger than this say little about what belongs together; only their first lines are paired. */
const LINES_PAIRED_MAX = 8;

/** How often two products were ordered together; one row for each direction. */
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
