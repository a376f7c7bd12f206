import { type ReviewEvent, type ReviewPosted, reviewDecider } from '../../src/aggregates/review.ts';
import type { Sealed } from '../../src/aggregates/sealed.ts';
import { given } from '../support/given.ts';

const text = (words: string): Sealed => words as Sealed;
const about = { productId: 'quill', storeId: 'scriptorium', authorId: 'ann' };
const posted: ReviewPosted = {
  type: 'ReviewPosted',
  data: { ...about, orderId: 'order', rating: 4, comment: text('Writes well') },
};
const hidden: ReviewEvent = { type: 'ReviewHidden', data: { productId: 'quill', rating: 4, reason: text('spam') } };
const deleted = (counted: boolean): ReviewEvent => ({
  type: 'ReviewDeleted',
  data: { productId: 'quill', rating: 4, counted },
});
const post = { type: 'PostReview', data: posted.data } as const;

describe('review', () => {
  it('is posted once by a buyer to whom the product was shipped', () => {
    given(reviewDecider).when(post).then(posted);
    given(reviewDecider, posted).when(post).thenRefused('ReviewExists');
    given(reviewDecider)
      .when({ type: 'PostReview', data: { ...posted.data, orderId: null } })
      .thenRefused('NotReceived');
  });

  it('can be posted anew after its author deleted it', () => {
    given(reviewDecider, posted, deleted(true)).when(post).then(posted);
  });

  it('cannot be posted anew when it was hidden before it was deleted', () => {
    given(reviewDecider, posted, hidden, deleted(false)).when(post).thenRefused('ReviewWasHidden');
  });

  it('is changed by its author, and names the rating that it replaces', () => {
    const edited = { productId: 'quill', rating: 2, formerRating: 4 } as const;
    given(reviewDecider, posted)
      .when({ type: 'EditReview', data: { by: 'ann', rating: 2 } })
      .then({ type: 'ReviewEdited', data: { ...edited, counted: true, comment: text('Writes well') } });
    given(reviewDecider, posted, hidden)
      .when({ type: 'EditReview', data: { by: 'ann', rating: 2, comment: null } })
      .then({ type: 'ReviewEdited', data: { ...edited, counted: false, comment: null } });
  });

  it('that is as wished already does not change', () => {
    given(reviewDecider, posted)
      .when({ type: 'EditReview', data: { by: 'ann', rating: 4 } })
      .thenNothing();
    given(reviewDecider, posted)
      .when({ type: 'ShowReview', data: { reason: null } })
      .thenNothing();
    given(reviewDecider, posted, hidden)
      .when({ type: 'HideReview', data: { reason: text('again') } })
      .thenNothing();
    given(reviewDecider, posted)
      .when({ type: 'RemoveReviewAnswer', data: { by: 'scriptorium' } })
      .thenNothing();
  });

  it('is deleted by its author, and says whether it was counted', () => {
    given(reviewDecider, posted)
      .when({ type: 'DeleteReview', data: { by: 'ann' } })
      .then(deleted(true));
    given(reviewDecider, posted, hidden)
      .when({ type: 'DeleteReview', data: { by: 'ann' } })
      .then(deleted(false));
  });

  it('is not there for anybody else to change or to answer', () => {
    for (const intent of [
      { type: 'EditReview', data: { by: 'cleo', rating: 1 } },
      { type: 'DeleteReview', data: { by: 'cleo' } },
      { type: 'AnswerReview', data: { by: 'another store', text: text('Thanks') } },
      { type: 'RemoveReviewAnswer', data: { by: 'another store' } },
    ] as const) {
      given(reviewDecider, posted).when(intent).thenRefused('ReviewUnknown');
    }
  });

  it('that is unknown or deleted can neither be hidden nor shown', () => {
    const hide = { type: 'HideReview', data: { reason: text('spam') } } as const;
    given(reviewDecider).when(hide).thenRefused('ReviewUnknown');
    given(reviewDecider, posted, deleted(true)).when(hide).thenRefused('ReviewUnknown');
    given(reviewDecider)
      .when({ type: 'ShowReview', data: { reason: null } })
      .thenRefused('ReviewUnknown');
  });

  it('is answered by the store that sold the product, and the answer can be changed and removed', () => {
    const answered: ReviewEvent = { type: 'ReviewAnswered', data: { text: text('Thank you') } };
    const answer = { type: 'AnswerReview', data: { by: 'scriptorium', text: text('Thank you') } } as const;
    given(reviewDecider, posted).when(answer).then(answered);
    given(reviewDecider, posted, answered).when(answer).then(answered);
    given(reviewDecider, posted, answered)
      .when({ type: 'RemoveReviewAnswer', data: { by: 'scriptorium' } })
      .then({ type: 'ReviewAnswerRemoved', data: {} });
  });
});
