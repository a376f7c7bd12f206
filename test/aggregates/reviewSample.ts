import { reviewDecider } from '../../src/aggregates/review.ts';
import { asSealed } from '../support/personalData.ts';
import { sample } from './sample.ts';

const ANEW = 'a sealed text never repeats; that it is the same command is known by its id';

const about = { productId: 'tea', storeId: 's', authorId: 'ann' };
const posted = { ...about, orderId: 'one', rating: 4 as const, comment: asSealed('c') };

export const reviewSample = sample(
  reviewDecider,
  {
    ReviewPosted: posted,
    ReviewEdited: { productId: 'tea', rating: 5, formerRating: 4, counted: true, comment: asSealed('d') },
    ReviewAnswered: { text: asSealed('t') },
    ReviewAnswerRemoved: {},
    ReviewHidden: { productId: 'tea', rating: 5, reason: asSealed('r') },
    ReviewShown: { productId: 'tea', rating: 5, reason: null },
    ReviewDeleted: { productId: 'tea', rating: 5, counted: true },
  },
  {
    PostReview: { data: posted },
    EditReview: { after: ['ReviewPosted'], data: { by: 'ann', rating: 5 } },
    DeleteReview: { after: ['ReviewPosted'], data: { by: 'ann' } },
    HideReview: { after: ['ReviewPosted'], data: { reason: asSealed('r') } },
    ShowReview: { after: ['ReviewPosted', 'ReviewHidden'], data: { reason: asSealed('r') } },
    AnswerReview: { after: ['ReviewPosted'], data: { by: 's', text: asSealed('t') }, again: ANEW },
    RemoveReviewAnswer: { after: ['ReviewPosted', 'ReviewAnswered'], data: { by: 's' } },
  },
);
