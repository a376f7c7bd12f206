import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { v5 as uuidv5 } from 'uuid';
import type { Actor } from '../../src/engine/decide/context.ts';
import { productDecider } from '../../src/aggregates/product.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import { csvRecords } from '../../src/cli/csv.ts';
import { importProducts } from '../../src/cli/importProducts.ts';
import { rejection } from '../support/rejection.ts';
import { temporaryFolder } from '../support/process.ts';
import { openWorld, perform, type World } from './world.ts';

const HEADER = 'sku,name,description,price,stock,category';
const FILE = path.join(temporaryFolder('import'), 'products.csv');

describe('cartulary import products', function () {
  this.timeout(60_000);
  let world: World;
  let seller: Actor & { storeId: string };
  beforeEach(async () => {
    world = await openWorld();
    seller = await world.people.seller('Sid');
    await world.people.category('Books');
    await world.people.category('Toys');
  });
  afterEach(() => world.close());

  const importing = (content: string, ...more: string[]) => {
    writeFileSync(FILE, content);
    return world.run(['import', 'products', FILE, '--store', seller.storeId, ...more]);
  };
  const lines = (...rows: string[]) => [HEADER, ...rows].join('\n');
  const last = (answer: string) => answer.trim().split('\n').at(-1);

  async function product(sku: string, id = uuidv5(sku, seller.storeId)) {
    const context = world.people.as(seller);
    const { state } = await context.load(productDecider, id);
    const { state: stock } = await context.load(stockDecider, id);
    if (state.status !== 'listed') return state;
    const { name, description, price } = state;
    return { id, sku: state.sku, name, description, price, onHand: stock.onHand };
  }

  it('lists what is new as the owner of the store, and says who did it', async () => {
    const { code, answer } = await importing(
      lines(
        'P-1,"Quill, grey","Says ""hi""",19.90,5,books',
        'P-2,Ink,,3,0,TOYS',
        '',
        ' P-3 , Paper ,A4,0.10,7, Books ',
      ),
    );
    expect([code, last(answer)]).to.deep.equal([0, '3 created, 0 updated, 0 unchanged, 0 failed']);
    expect(await product('P-1')).to.deep.include({
      ...{ sku: 'P-1', name: 'Quill, grey', description: 'Says "hi"', price: 1_990, onHand: 5 },
    });
    expect(await product('P-2')).to.deep.include({ description: '', price: 300, onHand: 0 });
    expect(await product('P-3')).to.deep.include({ name: 'Paper', price: 10, onHand: 7 });
    const [listed] = await world.shop.store.read(`product-${uuidv5('P-1', seller.storeId)}`);
    expect(listed?.data).to.include({ sellerId: seller.id, storeId: seller.storeId });
    expect(listed?.metadata.actor).to.match(/^cli:./);
  });

  it('changes nothing when it is run again, and only what changed when the file has changed', async () => {
    await importing(lines('P-1,Quill,Grey,19.90,5,Books', 'P-2,Ink,,3,4,Books'));
    const { position: before } = await world.shop.store.head();
    const again = await importing(lines('P-1,Quill,Grey,19.90,5,Books', 'P-2,Ink,,3,4,Books'));
    expect(last(again.answer)).to.equal('0 created, 0 updated, 2 unchanged, 0 failed');
    expect((await world.shop.store.head()).position).to.equal(before);

    const changed = await importing(lines('P-1,Quill,Grey,21.00,5,Books', 'P-2,Ink,,3,1,Toys', 'P-9,Wax,,1,1,Toys'));
    expect(last(changed.answer)).to.equal('1 created, 2 updated, 0 unchanged, 0 failed');
    const added = await world.shop.store.readAll(before);
    const third = uuidv5('P-9', seller.storeId);
    const others = added.filter(({ stream, data }) => !stream.endsWith(third) && !('holder' in data));
    expect(others.map(({ type, data }) => [type, Object.keys(data)]).toSorted()).to.deep.equal([
      ['ProductPriceChanged', ['price', 'currency']],
      ['ProductUpdated', ['categoryId']],
      ['StockAdjusted', ['change', 'reason']],
    ]);
    expect(await product('P-2')).to.deep.include({ onHand: 1 });
    expect(new Set(added.map(({ metadata }) => metadata.correlationId)).size).to.equal(1);
  });

  it('reports each bad line by its number and reason, and imports all the others', async () => {
    const { code, answer, output } = await importing(
      lines(
        'P-1,Quill,,10,5,Books',
        'P-2,Ink,,ten,5,Books',
        'P-3,Ink,,10,1.5,Books',
        'P-4,Ink,,0,5,Books',
        'P-5,Ink,,9.999,5,Books',
        'P-6,Ink,,10,5,Nowhere',
        'P-7,Ink,,10,5',
        'P-8,Ink,,10,5,Books,more',
        ',Ink,,10,5,Books',
        'P-1,Ink,,10,5,Books',
        'P-10,15" screen,,10,5,Books',
        'P-11,Two,"lines',
        'long",10,5,Books',
        `P-12,${'x'.repeat(201)},,10,-5,Books`,
        'P-13,Open,"10,5,Books',
        'P-14,Last,,10,5,Books',
      ),
    );
    expect(code).to.equal(1);
    const failures = answer
      .split('\n')
      .filter((line) => line.startsWith('line '))
      .toSorted((a, b) => Number(a.slice(5, 7).replace(':', '')) - Number(b.slice(5, 7).replace(':', '')));
    expect(failures.map((line) => line.replace(/^line (\d+): .*/, '$1'))).to.deep.equal(
      [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16].map(String),
    );
    const reasons = failures.join('\n');
    for (const reason of [
      /^line 3: price must be an amount of money in USD above 0 .*, such as 19\.90/m,
      /^line 4: stock must be a whole number from 0 to 1000000000/m,
      /^line 5: price must be an amount of money in USD above 0/m,
      /^line 6: price .*at most 2 decimals/m,
      /^line 7: there is no category Nowhere/m,
      /^line 8: the line has 5 fields, not 6/m,
      /^line 9: the line has 7 fields, not 6/m,
      /^line 10: sku must be text of 1 to 64 characters, not only spaces, but it is empty/m,
      /^line 11: sku P-1 is on line 2 already/m,
      /^line 12: a quote stands inside/m,
      /^line 15: .*name must be text of 1 to 200 .*but it has 201 characters; stock must be a whole number from 0/m,
      /^line 16: a quote is opened that is never closed/m,
    ]) {
      expect(reasons).to.match(reason);
    }
    expect(last(answer)).to.equal('3 created, 0 updated, 0 unchanged, 12 failed');
    expect(output).to.contain('12 lines were not imported.');
    expect(await product('P-11')).to.deep.include({ description: 'lines\nlong' });
    expect(await product('P-14')).to.deep.include({ name: 'Last' });
  });

  for (const [what, header, sentence] of [
    ['an unknown column', `${HEADER},colour`, 'There is no column "colour". The columns are sku, name, description'],
    ['a column by another name', HEADER.replace('price', 'prize'), '"prize": did you mean price?'],
    ['a missing column', 'sku,name,price,category', 'The first line does not name description, stock.'],
    ['a column twice', `${HEADER},sku`, 'The first line names sku more than once.'],
    ['semicolons', HEADER.replaceAll(',', ';'), 'There is no column'],
    ['nothing', '', 'The file is empty'],
    ['a byte order mark alone', '\ufeff', 'There is no column'],
  ] as const) {
    it(`refuses a file with ${what} in its first line, and imports nothing`, async () => {
      const { position } = await world.shop.store.head();
      const content = header === '' ? '' : `${header}\nP-1,Quill,,10,5,Books`;
      const records = csvRecords(Readable.from([Buffer.from(content)]));
      const options = { storeId: seller.storeId, dryRun: false, createCategories: false, onFailure: () => undefined };
      const error = await rejection(importProducts(world.shop, records, options));
      expect(error.message).to.contain(sentence);
      expect((await world.shop.store.head()).position).to.equal(position);
    });
  }

  it('takes the columns in any order, with a byte order mark and the line ends of Windows', async () => {
    const { answer } = await importing(
      '\ufeffStock,category,SKU,price,name,description\r\n5,Books,P-1,10,Quill,"a\r\nb"\r\n',
    );
    expect(last(answer)).to.equal('1 created, 0 updated, 0 unchanged, 0 failed');
    expect(await product('P-1')).to.deep.include({ name: 'Quill', description: 'a\nb', onHand: 5 });
  });

  it('makes missing categories when asked to, each once', async () => {
    const rows = ['P-1,Quill,,10,5,Maps', 'P-2,Ink,,10,5,maps ', 'P-3,Wax,,10,5,MAPS'];
    const { answer } = await importing(lines(...rows), '--create-categories');
    expect(last(answer)).to.equal('3 created, 0 updated, 0 unchanged, 0 failed');
    const events = await world.shop.store.readAll(0n);
    const made = events.filter(
      ({ type, data }) => type === 'CategoryCreated' && (data as { name: string }).name === 'Maps',
    );
    expect(made).to.have.length(1);
  });

  it('says what it would do without doing it', async () => {
    await importing(lines('P-1,Quill,,10,5,Books'));
    const { position } = await world.shop.store.head();
    const rows = ['P-1,Quill,,11,5,Books', 'P-2,Ink,,10,5,Maps', 'P-3,Ink,,0,5,Books'];
    const { answer } = await importing(lines(...rows), '--dry-run', '--create-categories', '--json');
    const [failure, summary] = answer
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(failure).to.include({ line: 4 });
    expect(summary).to.deep.equal({ created: 1, updated: 1, unchanged: 0, failed: 1, dry_run: true });
    expect((await world.shop.store.head()).position).to.equal(position);
  });

  it('does not take away what is reserved, nor bring back what was delisted', async () => {
    await importing(lines('P-1,Quill,,10,5,Books', 'P-2,Ink,,10,5,Books'));
    const ann = await world.people.person('Ann');
    const items = [{ product_id: uuidv5('P-1', seller.storeId), quantity: 3 }];
    await perform('PlaceOrder', { body: { items, shipping_address: 'here' } }, world.people.as(ann));
    await perform('DelistProduct', { params: { id: uuidv5('P-2', seller.storeId) } }, world.people.as(seller));
    const { answer } = await importing(lines('P-1,Quill,,10,2,Books', 'P-2,Ink,,10,5,Books'));
    expect(answer).to.match(/^line 2: Only 2 can be removed; the rest is reserved for orders\.$/m);
    expect(answer).to.match(/^line 3: product P-2 was delisted/m);
    expect(await product('P-1')).to.deep.include({ onHand: 5 });
  });

  it('finishes what an import left half done', async () => {
    const context = world.people.as(seller);
    const id = uuidv5('P-1', seller.storeId);
    await context.handle(stockDecider, id, { type: 'ReceiveStock', data: { quantity: 5 } });
    const { answer } = await importing(lines('P-1,Quill,,10,5,Books'));
    expect(last(answer)).to.equal('1 created, 0 updated, 0 unchanged, 0 failed');
    expect(await product('P-1')).to.deep.include({ onHand: 5 });
  });

  it('changes the product that was given the SKU by hand, instead of making a second', async () => {
    const category = await world.people.category('Maps');
    const body = { name: 'Old', price: '1', stock: 1, category_id: category, sku: 'P-1' };
    const { id } = await perform('ListProduct', { body }, world.people.as(seller));
    await world.run(['rebuild', 'products']);
    const { answer } = await importing(lines('P-1,New,,1,1,Maps'));
    expect(last(answer)).to.equal('0 created, 1 updated, 0 unchanged, 0 failed');
    expect(await product('P-1', id as string)).to.deep.include({ name: 'New' });
  });

  it('is refused as a whole, by the program, when its first line is wrong', async () => {
    const { code, output } = await importing('sku,name\nP-1,Quill');
    expect(code).to.equal(1);
    expect(output).to.contain('The first line does not name description, price, stock, category.');
  });

  it('says that there is no such store or file', async () => {
    const storeId = randomUUID();
    writeFileSync(FILE, lines());
    const unknown = await world.run(['import', 'products', FILE, '--store', storeId]);
    expect(unknown.code).to.equal(1);
    expect(unknown.output).to.contain(`There is no store ${storeId}.`);
    const gone = await world.run(['import', 'products', `${FILE}.gone`, '--store', seller.storeId]);
    expect(gone.code).to.equal(1);
    expect(gone.output).to.contain('cannot be read: ENOENT');
    expect((await world.run(['import', 'products', FILE, '--store', 'mine'])).code).to.equal(2);
  });
});
