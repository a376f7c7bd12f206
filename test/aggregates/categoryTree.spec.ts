import { expect } from 'chai';
import { CATEGORY_DEPTH_MAX, categoryTreeDecider, type CategoryTreeEvent } from '../../src/aggregates/categoryTree.ts';
import { given } from '../support/given.ts';

const placed = (categoryId: string, parentId: string | null): CategoryTreeEvent => ({
  type: 'CategoryPlaced',
  data: { categoryId, parentId },
});
const removed = (categoryId: string): CategoryTreeEvent => ({ type: 'CategoryRemoved', data: { categoryId } });
const place = (categoryId: string, parentId: string | null) =>
  ({ type: 'PlaceCategory', data: { categoryId, parentId } }) as const;
const remove = (categoryId: string) => ({ type: 'RemoveCategory', data: { categoryId } }) as const;

describe('category tree', () => {
  const chain = [placed('b', 'a'), placed('c', 'b')];

  it('takes a category below another and back to the root, each once', () => {
    given(categoryTreeDecider).when(place('b', 'a')).then(placed('b', 'a'));
    given(categoryTreeDecider, ...chain)
      .when(place('b', 'a'))
      .thenNothing();
    given(categoryTreeDecider).when(place('b', null)).thenNothing();
    given(categoryTreeDecider, ...chain)
      .when(place('c', null))
      .then(placed('c', null));
    given(categoryTreeDecider, ...chain, placed('b', null))
      .when(place('a', 'b'))
      .then(placed('a', 'b'));
  });

  it('B13: never has a category below itself', () => {
    for (const [id, parent] of [
      ['a', 'a'],
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ] as const) {
      expect(() =>
        given(categoryTreeDecider, ...chain)
          .when(place(id, parent))
          .thenNothing(),
      ).to.throw('parent_id must');
    }
  });

  it('B13: ends at its depth, also when a whole branch is moved', () => {
    const deep = Array.from({ length: CATEGORY_DEPTH_MAX - 1 }, (_, at) => placed(`n${at + 1}`, `n${at}`));
    const last = `n${CATEGORY_DEPTH_MAX - 1}`;
    expect(() =>
      given(categoryTreeDecider, ...deep)
        .when(place('x', last))
        .thenNothing(),
    ).to.throw('parent_id must');
    expect(() =>
      given(categoryTreeDecider, ...deep)
        .when(place('n0', 'x'))
        .thenNothing(),
    ).to.throw('parent_id must');
    given(categoryTreeDecider, ...deep)
      .when(place('x', `n${CATEGORY_DEPTH_MAX - 2}`))
      .then(placed('x', `n${CATEGORY_DEPTH_MAX - 2}`));
  });

  it('keeps a category that others are below, and takes nothing below one that it let go', () => {
    given(categoryTreeDecider, ...chain)
      .when(remove('b'))
      .thenRefused('CategoryHasChildren');
    given(categoryTreeDecider, ...chain)
      .when(remove('c'))
      .then(removed('c'));
    given(categoryTreeDecider, ...chain, removed('c'))
      .when(remove('c'))
      .thenNothing();
    given(categoryTreeDecider, ...chain, removed('c'))
      .when(remove('b'))
      .then(removed('b'));
    expect(() => given(categoryTreeDecider, removed('c')).when(place('d', 'c')).thenNothing()).to.throw(
      'parent_id must',
    );
    given(categoryTreeDecider, removed('c')).when(place('c', 'd')).thenRefused('CategoryUnknown');
  });
});
