import type { Rating, ReviewEvent } from '../aggregates/review.ts';
import { idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import type { Projection } from '../engine/project/projection.ts';

/** `comment`, `answer` and `hidden_because` are sealed for the author. */
export interface ReviewRow {
  readonly id: string;
  readonly product_id: string;
  readonly store_id: string;
  readonly author_id: string;
  readonly rating: Rating;
  readonly comment: string | null;
  readonly answer: string | null;
  readonly answered_at: string | null;
  readonly hidden: boolean;
  readonly hidden_because: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

const ofStream = (event: RecordedEvent): string => idOf(event.stream);

export const reviews: Projection<ReviewRow, ReviewEvent> = {
  name: 'reviews',
  table: 'reviews',
  key: 'id',
  of: 'review',
  columns: {
    id: 'uuid',
    product_id: 'uuid',
    store_id: 'uuid',
    author_id: 'uuid',
    rating: 'int',
    comment: 'text',
    answer: 'text',
    answered_at: 'timestamptz',
    hidden: 'boolean',
    hidden_because: 'text',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    ReviewPosted: {
      key: ofStream,
      row: (_row, { data, metadata: { occurredAt } }, id) => ({
        ...{ id, product_id: data.productId, store_id: data.storeId, author_id: data.authorId },
        ...{ rating: data.rating, comment: data.comment, answer: null, answered_at: null },
        ...{ hidden: false, hidden_because: null, created_at: occurredAt, updated_at: occurredAt },
      }),
    },
    ReviewEdited: {
      key: ofStream,
      row: (row, { data: { rating, comment }, metadata }) =>
        row && { ...row, rating, comment, updated_at: metadata.occurredAt },
    },
    ReviewDeleted: { key: ofStream, row: () => null },
    ReviewHidden: {
      key: ofStream,
      row: (row, { data }) => row && { ...row, hidden: true, hidden_because: data.reason },
    },
    ReviewShown: { key: ofStream, row: (row) => row && { ...row, hidden: false, hidden_because: null } },
    ReviewAnswered: {
      key: ofStream,
      row: (row, { data, metadata }) => row && { ...row, answer: data.text, answered_at: metadata.occurredAt },
    },
    ReviewAnswerRemoved: { key: ofStream, row: (row) => row && { ...row, answer: null, answered_at: null } },
  },
};
