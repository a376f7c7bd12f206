import { categoryDecider, type CategoryEvent } from '../../src/aggregates/category.ts';
import { given } from '../support/given.ts';

const created: CategoryEvent = { type: 'CategoryCreated', data: { name: 'Books' } };
const renamed: CategoryEvent = { type: 'CategoryRenamed', data: { name: 'Novels' } };
const deleted: CategoryEvent = { type: 'CategoryDeleted', data: {} };

const abandoned: CategoryEvent = { type: 'CategoryAbandoned', data: {} };

const abandon = { type: 'AbandonCategory', data: {} } as const;
const create = { type: 'CreateCategory', data: { name: 'Books' } } as const;
const renameAt = (claimEpoch: number) => ({ type: 'RenameCategory', data: { name: 'Novels', claimEpoch } }) as const;
const rename = renameAt(1);
const fence = (claimEpoch: number) =>
  ({ type: 'AbandonCategoryClaim', data: { claim: 'category-1', claimEpoch } }) as const;
const fenced: CategoryEvent = { type: 'CategoryClaimAbandoned', data: { claim: 'category-1' } };
const remove = (productsInIt: number) => ({ type: 'DeleteCategory', data: { productsInIt } }) as const;

describe('category', () => {
  it('is created once, and not again after it was deleted', () => {
    given(categoryDecider).when(create).then(created);
    given(categoryDecider, created).when(create).thenRefused('CategoryExists');
    given(categoryDecider, created, deleted).when(create).thenRefused('CategoryExists');
  });

  it('can be given up only before it is created, and is never created then', () => {
    given(categoryDecider).when(abandon).then(abandoned);
    given(categoryDecider, abandoned).when(abandon).thenNothing();
    given(categoryDecider, created).when(abandon).thenNothing();
    given(categoryDecider, created, deleted).when(abandon).thenNothing();
    given(categoryDecider, abandoned).when(create).thenRefused('CategoryExpired');
  });

  it('is renamed', () => {
    given(categoryDecider, created).when(rename).then(renamed);
    given(categoryDecider, created, renamed).when(rename).thenNothing();
  });

  it('is renamed only by a command that has seen its last renaming and its last fence', () => {
    given(categoryDecider, created).when(fence(1)).then(fenced);
    given(categoryDecider, created, fenced).when(fence(1)).thenNothing();
    given(categoryDecider, created, fenced).when(rename).thenRefused('ClaimOutdated');
    given(categoryDecider, created, fenced).when(renameAt(2)).then(renamed);
    const again: CategoryEvent = { type: 'CategoryRenamed', data: { name: 'Poems' } };
    given(categoryDecider, created, again).when(rename).thenRefused('ClaimOutdated');
    given(categoryDecider, created, again).when(fence(1)).thenNothing();
    given(categoryDecider, created, deleted).when(fence(1)).thenNothing();
    given(categoryDecider, fenced).when(create).then(created);
  });

  it('is deleted when no product is in it', () => {
    given(categoryDecider, created).when(remove(0)).then(deleted);
    given(categoryDecider, created).when(remove(3)).thenRefused('CategoryInUse');
  });

  it('is unknown before it was created and after it was deleted', () => {
    for (const past of [[], [created, deleted], [abandoned]]) {
      given(categoryDecider, ...past)
        .when(rename)
        .thenRefused('CategoryUnknown');
      given(categoryDecider, ...past)
        .when(remove(0))
        .thenRefused('CategoryUnknown');
    }
  });
});
