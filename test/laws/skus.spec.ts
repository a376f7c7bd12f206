import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { programOn } from '../cli/world.ts';
import { temporaryFolder } from '../support/process.ts';
import { type Answer, type Caller, must, type People, peopleOf, request } from '../support/shop.ts';
import { servingTwice, type TwoServers } from '../support/twoServers.ts';

const ROUNDS = 5;
const AT_ONCE = 4;
const RACERS = 20;

describe('a SKU, in a shop of two processes', function () {
  this.timeout(120_000);
  let two: TwoServers;
  let people: People;
  let seller: Caller & { storeId: string };
  let category: string;

  servingTwice((served) => (two = served));
  before(async () => {
    people = peopleOf({ url: two.servers[0]!.url, databaseUrl: two.database.url });
    seller = await people.seller();
    category = await people.category('Pens');
  });

  const at = (server: number, more: Record<string, string>) => ({
    url: two.servers[server % two.servers.length]!.url,
    headers: { ...seller.headers, ...more },
  });
  const list = (sku: string, server = 0, more: Record<string, string> = {}): Promise<Answer> => {
    const { url, headers } = at(server, more);
    const body = { name: 'Quill', price: '1.00', stock: 1, category_id: category, sku };
    return request(url, 'POST', '/products', { body, headers });
  };
  const rename = (id: string, sku: string, server = 0, more: Record<string, string> = {}): Promise<Answer> => {
    const { url, headers } = at(server, more);
    return request(url, 'PUT', `/products/${id}`, { body: { sku }, headers });
  };
  const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).toSorted();
  const idOf = (answer: Answer): string => must(answer, 201).data.id as string;

  it('is refused for a second product by name and field, and shown as it was changed', async () => {
    const id = idOf(await list('FIRST-1'));
    const refused = must(await list(' first-1', 1), 409);
    expect(refused.body).to.include({ type: '/problems/SkuTaken' });
    expect(refused.body.errors).to.deep.equal([
      { code: 'CONFLICT', field: 'sku', message: 'Another product of your store has this SKU.' },
    ]);
    const renamed = must(await rename(id, 'FIRST-2', 1), 200);
    expect(renamed.data.sku).to.equal('FIRST-2');
    const { url, headers } = at(0, { 'min-position': renamed.headers.get('event-position')! });
    expect(must(await request(url, 'GET', `/products/${id}`, { headers }), 200).data.sku).to.equal('FIRST-2');
    must(await list('FIRST-1', 1), 201);
    must(await rename(id, 'First-1'), 409);
    must(await rename(id, 'FIRST-2'), 200);
  });

  it('goes to one of several products, listed or changed at once by both processes', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const asked = Array.from({ length: AT_ONCE }, (_, index) => list(`MANY-${round}`, index));
      expect(statuses(await Promise.all(asked)), `listed in round ${round}`).to.deep.equal([201, 409, 409, 409]);
      const ids = [idOf(await list(`A-${round}`)), idOf(await list(`B-${round}`))];
      const renamed = ids.map((id, index) => rename(id, `C-${round}`, index));
      expect(statuses(await Promise.all([...renamed, list(`C-${round}`)])), `changed in round ${round}`).to.satisfy(
        (found: number[]) => found.filter((status) => status < 300).length === 1,
      );
    }
  });

  it('of a command that is sent again has its first answer, also after the SKU went to another product', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const id = idOf(await list('AGAIN-1', 0, key));
    expect(idOf(await list('AGAIN-1', 1, key))).to.equal(id);
    const changing = { 'idempotency-key': randomUUID() };
    must(await rename(id, 'AGAIN-2', 0, changing), 200);
    must(await list('AGAIN-1'), 201);
    must(await rename(id, 'AGAIN-2', 1, changing), 200);
    expect(idOf(await list('AGAIN-1', 1, key))).to.equal(id);
  });

  it('that If-Match refused is free, and free again once its product is deleted', async () => {
    const id = idOf(await list('MATCH-1'));
    must(await rename(id, 'MATCH-2', 1, { 'if-match': '"7"' }), 412);
    must(await list('MATCH-2'), 201);
    must(await seller.call('DELETE', `/products/${id}`), 200);
    must(await list('MATCH-1', 1), 201);
  });

  it('B17 (1): is compared without outer spaces, width, case and what nobody sees, and shown as it was typed', async () => {
    const id = idOf(await list('ABC-1'));
    for (const [index, sku] of [' abc-1 ', '\uff21\uff22\uff23-1', 'ABC-1\u200b', 'abc-1'].entries()) {
      const refused = must(await list(sku, index), 409);
      expect(refused.body.errors[0].field, JSON.stringify(sku)).to.equal('sku');
    }
    expect(must(await rename(id, 'Abc-1', 1), 200).data.sku).to.equal('Abc-1');
    must(await rename(id, 'Abc-1'), 200);
    const found = async (sku: string, store = seller.storeId, as: Caller = seller): Promise<Answer> =>
      as.call('GET', `/products/sku/${encodeURIComponent(sku)}?store_id=${store}`);
    for (const sku of ['Abc-1', ' abc-1 ', '\uff21\uff22\uff23-1']) {
      expect(must(await found(sku), 200).data, sku).to.include({ id, sku: 'Abc-1' });
    }
    must(await found('ABC'), 404);
    must(await seller.call('GET', '/products/sku/ABC-1'), 400);
    const other = await people.seller();
    must(await found('Abc-1', other.storeId), 404);
    must(await seller.call('PUT', `/products/${id}`, { status: 'draft' }), 200);
    expect(must(await found('abc-1'), 200).data).to.include({ id, status: 'draft' });
    must(await found('abc-1', seller.storeId, other), 404);
    const body = { name: 'Quill', price: '1.00', stock: 1, category_id: category, sku: 'ABC-1' };
    must(await other.call('POST', '/products', body), 201);
  });

  it('B17 (2): goes to one of twenty at once, over both processes', async () => {
    const answers = await Promise.all(Array.from({ length: RACERS }, (_, index) => list('RACE-1', index)));
    expect(statuses(answers)).to.deep.equal([201, ...Array<number>(RACERS - 1).fill(409)]);
  });

  it('B17 (3): is used again after a deletion, which nothing undoes, and two products swap theirs by a third', async () => {
    const first = idOf(await list('REUSED-1'));
    must(await seller.call('DELETE', `/products/${first}`), 200);
    const second = idOf(await list('reused-1', 1));
    must(await rename(first, 'REUSED-1'), 404);
    const other = idOf(await list('REUSED-2'));
    must(await rename(other, 'REUSED-1', 1), 409);
    const swapped = await Promise.all([rename(second, 'REUSED-2'), rename(other, 'REUSED-1', 1)]);
    expect(statuses(swapped)).to.deep.equal([409, 409]);
    must(await rename(second, 'REUSED-3'), 200);
    must(await rename(other, 'REUSED-1', 1), 200);
    must(await rename(second, 'REUSED-2'), 200);
  });

  it('goes to an import or to the API, whichever comes first', async () => {
    const file = path.join(temporaryFolder('skus'), 'products.csv');
    const skus = Array.from({ length: 20 }, (_, index) => `BOTH-${index}`);
    const rows = skus.map((sku) => `${sku},Quill,,1.00,1,Pens`);
    writeFileSync(file, ['sku,name,description,price,stock,category', ...rows].join('\n'));
    const importing = programOn(two.database.url)(['import', 'products', file, '--store', seller.storeId]);
    const listing = Promise.all(skus.map((sku, index) => list(sku, index)));
    await Promise.all([importing, listing]);
    const { data } = must(await seller.call('GET', `/stores/${seller.storeId}/products?per_page=100`), 200);
    const found = (data as { sku: string | null }[]).flatMap(({ sku }) => (sku?.startsWith('BOTH-') ? [sku] : []));
    expect(found.toSorted()).to.deep.equal(skus.toSorted());
  });
});
