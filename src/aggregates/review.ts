import { forbid, missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';

/** A review gives a product one of these: 1 is worst, 5 is best. */
export const RATINGS = [1, 2, 3, 4, 5] as const;
export type Rating = (typeof RATINGS)[number];

// NOTE: these names and shapes are the storage format; version them with care. `Sealed` texts are personal data of the author.
export type ReviewPosted = {
  type: 'ReviewPosted';
  data: {
    productId: string;
    storeId: string;
    authorId: string;
    /** The order that brought the product to the author. */
    orderId: string;
    rating: Rating;
    comment: Sealed | null;
  };
};
/**
 * The ratings before and after stand in each event that may change what a product's reviews add up to. `counted`: whether the review
 * is among those; a hidden one is not.
 */
export type ReviewEdited = {
  type: 'ReviewEdited';
  data: { productId: string; rating: Rating; formerRating: Rating; counted: boolean; comment: Sealed | null };
};
export type ReviewDeleted = { type: 'ReviewDeleted'; data: { productId: string; rating: Rating; counted: boolean } };
export type ReviewHidden = { type: 'ReviewHidden'; data: { productId: string; rating: Rating; reason: Sealed } };
export type ReviewShown = { type: 'ReviewShown'; data: { productId: string; rating: Rating; reason: Sealed | null } };
export type ReviewAnswered = { type: 'ReviewAnswered'; data: { text: Sealed } };
export type ReviewAnswerRemoved = { type: 'ReviewAnswerRemoved'; data: object };
export type ReviewEvent =
  ReviewPosted | ReviewEdited | ReviewDeleted | ReviewHidden | ReviewShown | ReviewAnswered | ReviewAnswerRemoved;

/** `orderId`: null when no order has brought the product to the author. */
export type PostReview = Command<'PostReview', Omit<ReviewPosted['data'], 'orderId'> & { orderId: string | null }>;
/** A comment that is absent stays; null removes it. */
export type EditReview = Command<'EditReview', { by: string; rating?: Rating; comment?: Sealed | null }>;
export type DeleteReview = Command<'DeleteReview', { by: string }>;
export type HideReview = Command<'HideReview', { reason: Sealed }>;
export type ShowReview = Command<'ShowReview', { reason: Sealed | null }>;
/** `by`: the store of the seller. */
export type AnswerReview = Command<'AnswerReview', { by: string; text: Sealed }>;
export type RemoveReviewAnswer = Command<'RemoveReviewAnswer', { by: string }>;
export type ReviewCommand =
  PostReview | EditReview | DeleteReview | HideReview | ShowReview | AnswerReview | RemoveReviewAnswer;

export interface StandingReview {
  readonly status: 'posted';
  readonly productId: string;
  readonly storeId: string;
  readonly authorId: string;
  readonly rating: Rating;
  readonly comment: Sealed | null;
  readonly hidden: boolean;
  readonly answered: boolean;
}
/** A review that was deleted while it was hidden does not come back. */
export type ReviewState =
  { readonly status: 'none' } | { readonly status: 'deleted'; readonly hidden: boolean } | StandingReview;

/** One review per buyer and product: its id is derived from both, so its stream refuses a second one. */
export const reviewDecider: Decider<ReviewState, ReviewCommand, ReviewEvent> = {
  category: 'review',
  snapshotVersion: 1,
  initial: { status: 'none' },
  evolve(state, event) {
    if (event.type === 'ReviewPosted') {
      const { orderId: _order, ...data } = event.data;
      return { status: 'posted', ...data, hidden: false, answered: false };
    }
    if (state.status !== 'posted') return state;
    switch (event.type) {
      case 'ReviewEdited':
        return { ...state, rating: event.data.rating, comment: event.data.comment };
      case 'ReviewDeleted':
        return { status: 'deleted', hidden: state.hidden };
      case 'ReviewHidden':
        return { ...state, hidden: true };
      case 'ReviewShown':
        return { ...state, hidden: false };
      case 'ReviewAnswered':
        return { ...state, answered: true };
      case 'ReviewAnswerRemoved':
        return { ...state, answered: false };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'PostReview':
        return post(command, state);
      case 'EditReview':
        return edit(command, ofAuthor(state, command.data.by));
      case 'DeleteReview':
        return remove(ofAuthor(state, command.data.by));
      case 'HideReview':
        return hide(command, standing(state));
      case 'ShowReview':
        return show(command, standing(state));
      case 'AnswerReview':
        ofStore(state, command.data.by);
        return [{ type: 'ReviewAnswered', data: { text: command.data.text } }];
      case 'RemoveReviewAnswer':
        return ofStore(state, command.data.by).answered ? [{ type: 'ReviewAnswerRemoved', data: {} }] : [];
    }
  },
};

const standing = (state: ReviewState): StandingReview =>
  state.status === 'posted' ? state : missing('ReviewUnknown', 'There is no such review.');

function ofAuthor(state: ReviewState, by: string): StandingReview {
  const review = standing(state);
  return review.authorId === by ? review : missing('ReviewUnknown', 'There is no such review.');
}

function ofStore(state: ReviewState, by: string): StandingReview {
  const review = standing(state);
  return review.storeId === by ? review : missing('ReviewUnknown', 'There is no such review.');
}

function post({ data: { orderId, ...data } }: PostReview, state: ReviewState): ReviewEvent[] {
  if (orderId === null) {
    return forbid('NotReceived', 'Only a buyer to whom this product was shipped may review it.');
  }
  if (state.status === 'posted') reject('ReviewExists', 'You have already reviewed this product.');
  if (state.status === 'deleted' && state.hidden) {
    reject('ReviewWasHidden', 'Your review of this product was hidden by an administrator; you cannot write another.');
  }
  return [{ type: 'ReviewPosted', data: { ...data, orderId } }];
}

function edit({ data }: EditReview, state: StandingReview): ReviewEvent[] {
  const { rating = state.rating, comment = state.comment } = data;
  if (rating === state.rating && comment === state.comment) return [];
  const { productId, rating: formerRating, hidden } = state;
  return [{ type: 'ReviewEdited', data: { productId, rating, formerRating, counted: !hidden, comment } }];
}

const remove = ({ productId, rating, hidden }: StandingReview): ReviewEvent[] => [
  { type: 'ReviewDeleted', data: { productId, rating, counted: !hidden } },
];

const hide = ({ data: { reason } }: HideReview, { productId, rating, hidden }: StandingReview): ReviewEvent[] =>
  hidden ? [] : [{ type: 'ReviewHidden', data: { productId, rating, reason } }];

const show = ({ data: { reason } }: ShowReview, { productId, rating, hidden }: StandingReview): ReviewEvent[] =>
  hidden ? [{ type: 'ReviewShown', data: { productId, rating, reason } }] : [];
