import { expect } from 'chai';
import { CATEGORY_DEPTH_MAX } from '../../src/aggregates/categoryTree.ts';
import { type Answer, type Caller, must, type People, peopleOf, request } from '../support/shop.ts';
import { servingTwice, type TwoServers } from '../support/twoServers.ts';

const ROUNDS = 10;
type Category = { id: string; parent_id: string | null };

describe('the category tree, in a shop of two processes', function () {
  this.timeout(120_000);
  let two: TwoServers;
  let people: People;
  let admin: Caller;
  let made = 0;

  servingTwice((served) => (two = served));
  before(async () => {
    people = peopleOf({ url: two.servers[0]!.url, databaseUrl: two.database.url });
    admin = await people.admin();
  });

  const ask = (server: number, method: string, path: string, body?: object): Promise<Answer> =>
    request(two.servers[server]!.url, method, path, {
      headers: admin.headers,
      ...(body === undefined ? {} : { body }),
    });
  async function create(parent?: string): Promise<string> {
    made += 1;
    const body = { name: `Branch ${made}`, ...(parent === undefined ? {} : { parent_id: parent }) };
    return must(await ask(0, 'POST', '/categories', body), 201).data.id as string;
  }
  const move = (id: string, parent: string | null, server = 0): Promise<Answer> =>
    ask(server, 'PUT', `/categories/${id}`, { parent_id: parent });
  async function parents(): Promise<Map<string, string | null>> {
    const { data } = must(await admin.call('GET', '/categories?per_page=100'), 200);
    return new Map((data as Category[]).map(({ id, parent_id: parent }) => [id, parent]));
  }
  function rootOf(id: string, tree: ReadonlyMap<string, string | null>): string {
    const passed = new Set<string>();
    for (let at = id; ;) {
      expect(passed.has(at), 'a cycle').to.equal(false);
      passed.add(at);
      const parent = tree.get(at);
      expect(parent, 'a parent that is not there').to.not.equal(undefined);
      if (parent === null) return at;
      at = parent!;
    }
  }

  it('B13: refuses a category below itself, an unknown parent and too many levels, and takes null for the root', async () => {
    const a = await create();
    const aa = await create(a);
    const aaa = await create(aa);
    for (const parent of [a, aa, aaa]) {
      must(await move(a, parent, 1), 400);
    }
    must(await move(aa, '00000000-0000-4000-8000-000000000000'), 400);
    expect((await parents()).get(a)).to.equal(null);
    must(await ask(0, 'DELETE', `/categories/${aa}`), 409);
    expect(must(await move(aa, null, 1), 200).data).to.include({ id: aa, parent_id: null });
    must(await ask(0, 'DELETE', `/categories/${a}`), 200);
    must(await move(aa, a), 400);
    let last = aaa;
    for (let level = 3; level <= CATEGORY_DEPTH_MAX; level += 1) last = await create(last);
    must(await ask(1, 'POST', '/categories', { name: 'Too deep', parent_id: last }), 400);
  });

  it('B13: never has a cycle, when two or three are moved below each other at once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const ids = await Promise.all(Array.from({ length: 2 + (round % 2) }, () => create()));
      const moves = ids.map((id, at) => move(id, ids[(at + 1) % ids.length]!, at % 2));
      const statuses = (await Promise.all(moves)).map(({ status }) => status);
      expect(
        statuses.filter((status) => status === 400),
        `round ${round}`,
      ).to.have.length(1);
      expect(
        statuses.filter((status) => status === 200),
        `round ${round}`,
      ).to.have.length(ids.length - 1);
      const tree = await parents();
      for (const id of tree.keys()) rootOf(id, tree);
    }
  });

  it('B13: lists the products of a whole branch, also after a move', async () => {
    const [a, x] = [await create(), await create()];
    const aa = await create(a);
    const seller = await people.seller();
    for (const name of ['One', 'Two', 'Three']) {
      must(await seller.call('POST', '/products', { name, price: '1.00', stock: 1, category_id: aa }), 201);
    }
    const total = async (id: string): Promise<unknown> =>
      must(await admin.call('GET', `/products?category_id=${id}`), 200).body.meta.pagination.total_items;
    expect([await total(a), await total(aa), await total(x)]).to.deep.equal([3, 3, 0]);
    must(await admin.call('PUT', `/categories/${aa}`, { parent_id: x }), 200);
    expect([await total(a), await total(aa), await total(x)]).to.deep.equal([0, 3, 3]);
  });
});
