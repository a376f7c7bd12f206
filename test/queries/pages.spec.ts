import { expect } from 'chai';
import { queries } from '../../src/queries/index.ts';

/** Lists with a fixed, small number of entries. */
const SHORT = ['ListPopularProducts', 'ListProjections', 'ListRelatedProducts'];

describe('a query that answers with a list', () => {
  const lists = queries.filter(({ result }) => (result as { type?: string }).type === 'array');

  it('answers with a page of it, however long the list becomes', () => {
    expect(lists).to.have.length.above(8);
    const unbounded = lists.filter(({ name, paginated, query }) => {
      const { properties = {} } = query ?? {};
      const byPage = paginated === true && 'page' in properties && 'per_page' in properties;
      const onward = paginated === 'onward' && 'cursor' in properties && 'per_page' in properties;
      const byRevision = 'after' in properties && 'limit' in properties;
      return !byPage && !onward && !byRevision && !SHORT.includes(name);
    });
    expect(unbounded.map(({ name }) => name)).to.deep.equal([]);
  });

  it('bounds the length of a page', () => {
    for (const { name, query } of lists) {
      const { per_page, limit } = (query?.properties ?? {}) as Record<string, { maximum?: number } | undefined>;
      if (!SHORT.includes(name)) expect((per_page ?? limit)?.maximum, name).to.be.within(1, 500);
    }
  });
});
