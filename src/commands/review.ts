import { Type } from 'typebox';
import { stepOf } from '../aggregates/fulfilment.ts';
import { orderDecider } from '../aggregates/order.ts';
import { type Rating, type ReviewCommand, reviewDecider } from '../aggregates/review.ts';
import { placeOfReview, type Sealed, type SealedName, sealedInReview, sealedInUser } from '../aggregates/sealed.ts';
import { userDecider } from '../aggregates/user.ts';
import type { Answers } from '../engine/decide/command.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { wasHandled } from '../engine/decide/answer.ts';
import { missing } from '../errors.ts';
import { ERASED } from '../eventstore/sealing.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { type ReviewRow, reviews } from '../projections/reviews.ts';
import {
  adminReviewView,
  AdminReviewView,
  RatingField,
  reviewIdOf,
  ReviewView,
  reviewView,
} from '../queries/review.ts';
import { storeIdOf } from '../queries/store.ts';
import { Fields, Id, Line, Message, Nullable } from '../schema.ts';
import { type CommandContext, defineChange, defineCommand, type Services } from './contract.ts';
import { productOnSale } from './prices.ts';

const COMMENT_LENGTH_MAX = 2_000;
const REASON_LENGTH_MAX = 500;
const Comment = Line(COMMENT_LENGTH_MAX);
const Reason = Line(REASON_LENGTH_MAX);
const OfReview = Fields({ id: Id });

/** The name of an author as their stream has it; `[erased]` when there is none. */
async function nameOf(context: CommandContext, authorId: string): Promise<string> {
  const { state } = await context.load(userDecider, authorId, 'cached');
  if (!('name' in state)) return ERASED;
  return (await context.services.personalData.reveal({ name: state.name }, sealedInUser(authorId))).name;
}

/** Answers with the view of the row, its texts open. */
const answersWith = (view: (row: ReviewRow, name: string) => unknown): Answers<ReviewRow, Services> => ({
  row: reviews,
  async view(row, context) {
    const [open, name] = await Promise.all([
      context.services.personalData.reveal(row, sealedInReview(row)),
      nameOf(context, row.author_id),
    ]);
    return view(open, name);
  },
});
const answers = answersWith(reviewView);
const adminAnswers = answersWith(adminReviewView);

/** The order that brought the product to the author; null when there is none. The read model names orders, and their streams decide. */
async function orderThatBrought(context: CommandContext, authorId: string, productId: string): Promise<string | null> {
  for (const orderId of await context.services.hints.ordersShipped(authorId, productId)) {
    const { state } = await context.load(orderDecider, orderId);
    if (state.status !== 'placed' || state.buyerId !== authorId) continue;
    const line = state.lines.find((one) => one.productId === productId);
    const part = line && state.fulfilments[line.storeId];
    if (part !== undefined && stepOf(part) >= stepOf('shipped')) return orderId;
  }
  return null;
}

const sealed = (
  context: CommandContext,
  review: { id: string; authorId: string },
  [field, text]: [SealedName, string],
) => context.services.personalData.seal(placeOfReview(review, field), text);

const postReview = defineChange({
  name: 'PostReview',
  summary: 'Review a product that was shipped to me',
  tag: 'reviews',
  route: 'POST /products/:id/reviews',
  access: 'user',
  params: Fields({ id: Id }),
  body: Fields({ rating: RatingField, comment: Type.Optional(Nullable(Comment)) }),
  status: 201,
  result: ReviewView,
  answers,
  codes: ['CONFLICT', 'FORBIDDEN', 'NOT_FOUND'],
  seenAt: (id) => `/reviews/${id}`,
  async run({ params: { id: productId }, body: { rating, comment = null } }, context) {
    const authorId = context.actor.id;
    const review = { id: reviewIdOf(authorId, productId), authorId };
    const { state: product, onSale } = await productOnSale(context, productId);
    const repeated = await wasHandled(context.services, streamOf(reviewDecider.category, review.id), context.origin);
    if (!('storeId' in product) || !(onSale || repeated)) {
      return missing('ProductUnknown', 'There is no such product.');
    }
    const data = {
      ...{ productId, storeId: product.storeId, authorId, rating: rating as Rating },
      orderId: await orderThatBrought(context, authorId, productId),
      comment: comment === null ? null : await sealed(context, review, ['ReviewPosted.comment', comment.trim()]),
    };
    return context.handle(reviewDecider, review.id, { type: 'PostReview', data });
  },
});

const editReview = defineChange({
  name: 'EditReview',
  summary: 'Change a review of mine',
  tag: 'reviews',
  route: 'PUT /reviews/:id',
  access: 'user',
  params: OfReview,
  body: Fields({ rating: Type.Optional(RatingField), comment: Type.Optional(Nullable(Comment)) }),
  result: ReviewView,
  answers,
  codes: ['NOT_FOUND'],
  async run({ params: { id }, body: { rating, comment } }, context) {
    const by = context.actor.id;
    const text = comment === undefined || comment === null ? comment : comment.trim();
    const data = {
      by,
      ...(rating === undefined ? {} : { rating: rating as Rating }),
      ...(text === undefined ? {} : { comment: text === null ? null : await ownComment(context, id, text) }),
    };
    return context.handle(reviewDecider, id, { type: 'EditReview', data }, { pinned: true });
  },
});

const ownComment = (context: CommandContext, id: string, text: string): Promise<Sealed> =>
  sealed(context, { id, authorId: context.actor.id }, ['ReviewEdited.comment', text]);

const deleteReview = defineCommand({
  name: 'DeleteReview',
  summary: 'Delete a review of mine',
  tag: 'reviews',
  route: 'DELETE /reviews/:id',
  access: 'user',
  params: OfReview,
  result: Message,
  revised: 'always',
  codes: ['NOT_FOUND'],
  async run({ params: { id } }, context) {
    const intent = { type: 'DeleteReview', data: { by: context.actor.id } } as const;
    const { revision } = await context.handle(reviewDecider, id, intent, { pinned: true });
    return { data: { message: 'review deleted' }, revision };
  },
});

/** Handles a command with a text that is sealed for the author of the review. */
async function withText(
  context: CommandContext,
  id: string,
  text: [SealedName, string] | null,
  commandOf: (text: Sealed | null) => Pick<ReviewCommand, 'type' | 'data'>,
): Promise<Outcome> {
  const { state } = await context.load(reviewDecider, id);
  if (state.status !== 'posted') return missing('ReviewUnknown', 'There is no such review.');
  const place = { id, authorId: state.authorId };
  const intent = commandOf(text === null ? null : await sealed(context, place, text));
  return context.handle(reviewDecider, id, intent as ReviewCommand, { pinned: true });
}

const answerReview = defineChange({
  name: 'AnswerReview',
  summary: 'Answer a review of a product of mine, or change the answer',
  tag: 'reviews',
  route: 'PUT /reviews/:id/answer',
  access: ['seller'],
  params: OfReview,
  body: Fields({ text: Comment }),
  result: ReviewView,
  answers,
  codes: ['NOT_FOUND'],
  run({ params: { id }, body: { text } }, context) {
    const by = storeIdOf(context.actor.id);
    return withText(context, id, ['ReviewAnswered.text', text.trim()], (own) => ({
      type: 'AnswerReview',
      data: { by, text: own! },
    }));
  },
});

const removeAnswer = defineChange({
  name: 'RemoveReviewAnswer',
  summary: 'Remove my answer to a review',
  tag: 'reviews',
  route: 'DELETE /reviews/:id/answer',
  access: ['seller'],
  params: OfReview,
  result: ReviewView,
  answers,
  codes: ['NOT_FOUND'],
  run({ params: { id } }, context) {
    const intent = { type: 'RemoveReviewAnswer', data: { by: storeIdOf(context.actor.id) } } as const;
    return context.handle(reviewDecider, id, intent, { pinned: true });
  },
});

/** The common part of both acts of an administrator on a review. */
const moderation = {
  tag: 'reviews',
  access: ['admin'],
  params: OfReview,
  result: AdminReviewView,
  answers: adminAnswers,
  codes: ['NOT_FOUND'],
} as const;

const hideReview = defineChange({
  ...moderation,
  name: 'HideReview',
  summary: 'Hide a review; it counts no longer',
  route: 'PUT /admin/reviews/:id/hide',
  body: Fields({ reason: Reason }),
  run: ({ params: { id }, body: { reason } }, context) =>
    withText(context, id, ['ReviewHidden.reason', reason], (own) => ({ type: 'HideReview', data: { reason: own! } })),
});

const showReview = defineChange({
  ...moderation,
  name: 'ShowReview',
  summary: 'Show a hidden review again',
  route: 'PUT /admin/reviews/:id/show',
  body: Fields({ reason: Type.Optional(Reason) }),
  run: ({ params: { id }, body: { reason } }, context) =>
    withText(context, id, reason === undefined ? null : ['ReviewShown.reason', reason], (own) => ({
      type: 'ShowReview',
      data: { reason: own },
    })),
});

export const reviewCommands = [
  postReview,
  editReview,
  deleteReview,
  answerReview,
  removeAnswer,
  hideReview,
  showReview,
];
