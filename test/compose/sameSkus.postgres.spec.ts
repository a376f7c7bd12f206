import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { productDecider } from '../../src/aggregates/product.ts';
import { productsUsing } from '../../src/commands/sku.ts';
import { commandContext, type Shop } from '../../src/compose/shop.ts';
import { programOn } from '../cli/world.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { openWriteSide } from '../support/shop.ts';

const SELLER = { id: randomUUID(), role: 'seller' } as const;

describe('the products of earlier versions that have a SKU', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Shop;
  const storeId = randomUUID();
  beforeEach(async () => {
    database = await freshDatabase();
    shop = await openWriteSide(database.url);
  });
  afterEach(async () => {
    await shop.close();
    await database.drop();
  });

  const context = () => commandContext(shop.services, { actor: SELLER });
  async function listed(sku: string | null, store = storeId): Promise<string> {
    const id = randomUUID();
    const data = {
      storeId: store,
      sellerId: SELLER.id,
      sku,
      name: 'Quill',
      description: '',
      price: 100,
      currency: 'USD',
    };
    await context().handle(productDecider, id, { type: 'ListProduct', data: { ...data, categoryId: randomUUID() } });
    return id;
  }
  const using = async (sku: string): Promise<string[]> =>
    [...(await productsUsing(context(), { storeId, sku }))].toSorted();
  async function reopen(): Promise<void> {
    await shop.close();
    shop = await openWriteSide(database.url);
  }

  it('are found in the log as long as no read model has them, by a process without read models', async () => {
    const ids = [await listed('Pen é'), await listed('ＰＥＮ é')].toSorted();
    await listed('Pen é', randomUUID());
    await listed(null);
    await reopen();
    expect(await using('PEN É')).to.deep.equal(ids);
    expect(await using('Pen e')).to.deep.equal([]);
  });

  it('are found in the read model once it has them, by an index, and only while they have the SKU', async () => {
    const [one, other] = [await listed('Pen é'), await listed('PEN É')];
    await programOn(database.url)(['rebuild', 'products']);
    await reopen();
    expect(await using('pen E\u0301')).to.deep.equal([one, other].toSorted());
    await context().handle(productDecider, one, { type: 'DelistProduct', data: { by: SELLER.id } });
    const data = { by: SELLER.id, sku: 'Ink', claimEpoch: 1 };
    expect(await using('pen é')).to.deep.equal([other]);
    await context().handle(productDecider, other, { type: 'UpdateProduct', data });
    expect(await using('pen é')).to.deep.equal([]);
    const client = await shop.pool.connect();
    try {
      await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT id FROM products WHERE store_id = $1 AND listed
         AND lower(normalize(sku, NFKC) COLLATE "und-x-icu") = lower(normalize($2::text, NFKC) COLLATE "und-x-icu")`,
        [storeId, 'ink'],
      );
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).to.contain('products_same_sku');
    } finally {
      client.release(true);
    }
  });
});
