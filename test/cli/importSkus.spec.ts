import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { v5 as uuidv5 } from 'uuid';
import { productDecider } from '../../src/aggregates/product.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { rejection } from '../support/rejection.ts';
import { temporaryFolder } from '../support/process.ts';
import { openWorld, perform, type World } from './world.ts';

const HEADER = 'sku,name,description,price,stock,category';
const FILE = path.join(temporaryFolder('import-skus'), 'products.csv');

describe('cartulary import products, by SKU', function () {
  this.timeout(60_000);
  let world: World;
  let seller: Actor & { storeId: string };
  beforeEach(async () => {
    world = await openWorld();
    seller = await world.people.seller('Sid');
    await world.people.category('Books');
  });
  afterEach(() => world.close());

  const importing = (content: string) => {
    writeFileSync(FILE, content);
    return world.run(['import', 'products', FILE, '--store', seller.storeId]);
  };
  const lines = (...rows: string[]) => [HEADER, ...rows].join('\n');
  const last = (answer: string) => answer.trim().split('\n').at(-1);
  async function product(id: string) {
    const { state } = await world.people.as(seller).load(productDecider, id);
    return state.status === 'listed' ? { name: state.name, sku: state.sku } : state;
  }

  it('B17 (5): changes the product that has the SKU also when no read model shows it yet, and writes the SKU as the file does', async () => {
    const category = await world.people.category('Maps');
    const body = { name: 'Old', price: '1', stock: 1, category_id: category, sku: 'p-1' };
    const { id } = await perform('ListProduct', { body }, world.people.as(seller));
    const { answer } = await importing(lines('P-1,New,,1,1,Maps'));
    expect(last(answer)).to.equal('0 created, 1 updated, 0 unchanged, 0 failed');
    expect(await product(id as string)).to.deep.include({ name: 'New', sku: 'P-1' });
    expect(last((await importing(lines('P-1,New,,1,1,Maps'))).answer)).to.contain('1 unchanged');
  });

  it('takes a claim, so that nobody makes a second product with the SKU of an imported one', async () => {
    await importing(lines('P-1,Quill,,10,5,Books'));
    const category = await world.people.category('Maps');
    const body = { name: 'Second', price: '1', stock: 1, category_id: category, sku: 'p-1' };
    const error = await rejection(perform('ListProduct', { body }, world.people.as(seller)));
    expect(error).to.include({ rule: 'SkuTaken' });
  });

  it('makes another product for a SKU that an imported one has no longer, and finds it again', async () => {
    await importing(lines('P-1,Quill,,10,5,Books'));
    const first = uuidv5('P-1', seller.storeId);
    await perform('UpdateProduct', { params: { id: first }, body: { sku: 'P-9' } }, world.people.as(seller));
    const both = lines('P-1,Feather,,10,5,Books', 'P-9,Quill,,10,5,Books');
    expect(last((await importing(both)).answer)).to.equal('1 created, 0 updated, 1 unchanged, 0 failed');
    expect(await product(first)).to.deep.include({ name: 'Quill', sku: 'P-9' });
    for (const rebuilt of [false, true]) {
      if (rebuilt) await world.run(['rebuild', 'products']);
      expect(last((await importing(both)).answer)).to.equal('0 created, 0 updated, 2 unchanged, 0 failed');
    }
  });

  it('takes the SKU of a deleted product from no product that has it by now', async () => {
    await importing(lines('P-1,Quill,,10,5,Books'));
    await perform('DelistProduct', { params: { id: uuidv5('P-1', seller.storeId) } }, world.people.as(seller));
    const category = await world.people.category('Maps');
    const body = { name: 'Second', price: '1', stock: 1, category_id: category, sku: 'P-1' };
    const { id } = await perform('ListProduct', { body }, world.people.as(seller));
    const { answer } = await importing(lines('P-1,Third,,10,5,Books'));
    expect(last(answer)).to.equal('0 created, 1 updated, 0 unchanged, 0 failed');
    expect(await product(id as string)).to.deep.include({ name: 'Third' });
  });

  it('B17 (6): refuses a SKU that is on two lines, whatever its spelling, and one that cannot be seen', async () => {
    const rows = ['P-1,Quill,,10,5,Books', ' p-1 ,Ink,,10,5,Books', '\u200b,Wax,,10,5,Books'];
    const { answer } = await importing(lines(...rows));
    expect(answer).to.match(/^line 3: sku p-1 is on line 2 already$/m);
    expect(answer).to.match(/^line 4: sku must be text of 1 to 64 characters/m);
    expect(last(answer)).to.equal('1 created, 0 updated, 0 unchanged, 2 failed');
  });

  describe('into a store of an earlier version', () => {
    /** A product as earlier versions listed it: without a claim on its SKU. */
    async function listedEarlier(sku: string, name: string, id: string = randomUUID()): Promise<string> {
      const categoryId = await world.people.category(`Shelf ${id}`);
      const whose = { storeId: seller.storeId, sellerId: seller.id, sku };
      const data = { ...whose, name, description: '', price: 100, currency: 'USD', categoryId };
      await world.people.as(seller).handle(productDecider, id, { type: 'ListProduct', data });
      return id;
    }

    for (const readModel of ['behind', 'complete']) {
      it(`names the products that clash, and imports all the others (read model ${readModel})`, async () => {
        const ids = [
          await listedEarlier('P-1', 'One', uuidv5('P-1', seller.storeId)),
          await listedEarlier('P-1', 'Two'),
        ];
        const alone = await listedEarlier('P-2', 'Three');
        if (readModel === 'complete') await world.run(['rebuild', 'products']);
        const { code, answer } = await importing(
          lines('P-1,New,,1,0,Books', 'p-2,New,,1,0,Books', 'P-3,New,,1,0,Books'),
        );
        expect(code).to.equal(1);
        expect(answer).to.match(/^line 2: several products of the store have the sku P-1: /m);
        for (const id of ids) expect(answer).to.contain(id);
        expect(last(answer)).to.equal('1 created, 1 updated, 0 unchanged, 1 failed');
        expect(await product(alone)).to.deep.include({ name: 'New' });

        await perform('UpdateProduct', { params: { id: ids[1] }, body: { sku: 'P-4' } }, world.people.as(seller));
        if (readModel === 'complete') await world.run(['rebuild', 'products']);
        const again = await importing(lines('P-1,New,,1,0,Books', 'P-4,New,,1,0,Books'));
        expect(last(again.answer)).to.equal('0 created, 2 updated, 0 unchanged, 0 failed');
      });
    }

    it('keeps two products apart whose SKUs differ in their spelling alone', async () => {
      const [small, large] = [await listedEarlier('p-1', 'Small'), await listedEarlier('P-1', 'Large')];
      await world.run(['rebuild', 'products']);
      const { answer } = await importing(lines('P-1,L,,1,0,Books', 'p-1,S,,1,0,Books'));
      expect(last(answer)).to.equal('0 created, 2 updated, 0 unchanged, 0 failed');
      expect(await product(small)).to.deep.include({ name: 'S', sku: 'p-1' });
      expect(await product(large)).to.deep.include({ name: 'L', sku: 'P-1' });
    });
  });
});
