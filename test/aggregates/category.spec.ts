import { categoryDecider, type CategoryEvent } from '../../src/aggregates/category.ts';
import { given } from '../support/given.ts';

const created: CategoryEvent = { type: 'CategoryCreated', data: { name: 'Books' } };
const renamed: CategoryEvent = { type: 'CategoryRenamed', data: { name: 'Novels' } };
const deleted: CategoryEvent = { type: 'CategoryDeleted', data: {} };

const abandoned: CategoryEvent = { type: 'CategoryAbandoned', data: {} };

const abandon = { type: 'AbandonCategory', data: {} } as const;
const create = { type: 'CreateCategory', data: { name: 'Books' } } as const;
const rename = { type: 'RenameCategory', data: { name: 'Novels' } } as const;
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
