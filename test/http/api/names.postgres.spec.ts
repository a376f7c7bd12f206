import { expect } from 'chai';
import { must, request, serving, type Served } from '../../support/shop.ts';

const AS_PEOPLE_SORT = ['apple', 'banana', 'Éclair', 'zebra', 'Zoo'];

describe('names', function () {
  this.timeout(60_000);
  let shop: Served;
  serving((served) => (shop = served));

  it('come in the order in which people look for them, whatever collation the database has', async () => {
    const seller = await shop.people.seller();
    for (const name of [...AS_PEOPLE_SORT].sort()) {
      await shop.people.product(seller, await shop.people.category(name), { name });
    }
    const namesAt = async (path: string): Promise<string[]> =>
      (must(await request(shop.url, 'GET', path), 200).data as { name: string }[]).map(({ name }) => name);
    expect(await namesAt('/categories')).to.deep.equal(AS_PEOPLE_SORT);
    expect(await namesAt('/products?sort_by=name&sort_order=asc')).to.deep.equal(AS_PEOPLE_SORT);
    expect(await namesAt('/products?sort_by=name&sort_order=desc')).to.deep.equal([...AS_PEOPLE_SORT].reverse());
  });
});
