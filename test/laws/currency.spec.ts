import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { expect } from 'chai';
import { productDecider } from '../../src/aggregates/product.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import { commandContext } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { runCartulary, spawnServer, temporaryFolder, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, type Json, MASTER_KEY, must, openWriteSide, peopleOf } from '../support/shop.ts';
import { eventually } from '../support/eventually.ts';
import { wholeLog } from '../support/events.ts';

const STARTS = 3;
const CONFIG_EXIT_CODE = 78;

describe('a log and its currency', function () {
  this.timeout(120_000);
  const databases: TestDatabase[] = [];
  const servers: ServerProcess[] = [];

  async function newPlace(): Promise<string> {
    const database = await freshDatabase();
    databases.push(database);
    return database.url;
  }
  const envOf = (url: string, currency: string) => ({
    ...{ DATABASE_URL: url, JWT_SECRET, MASTER_KEY, CURRENCY: currency, LOG_LEVEL: 'warn' },
  });
  async function serve(url: string, currency: string): Promise<ServerProcess> {
    const server = await spawnServer({ env: envOf(url, currency) });
    servers.push(server);
    return server;
  }
  const run = (url: string, currency: string, ...args: string[]) => runCartulary(args, { env: envOf(url, currency) });
  const chosenIn = async (url: string): Promise<string[]> => {
    const shop = await openWriteSide(url, {}, { readOnly: true });
    try {
      const all = await wholeLog(shop.store);
      return all
        .filter(({ type }) => type === 'CurrencyChosen')
        .map(({ data }) => (data as { currency: string }).currency);
    } finally {
      await shop.close();
    }
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.end('SIGTERM')));
    await Promise.all(databases.splice(0).map((database) => database.drop()));
  });

  it('are kept together: a start with another currency is refused, whichever program it is', async () => {
    const url = await newPlace();
    await (await serve(url, 'EUR')).end('SIGTERM');
    servers.splice(0);
    const programs = [
      ['serve'],
      ['serve', '--workers', '2'],
      ['seed'],
      ['import', 'products', path.join(import.meta.dirname, 'currency.spec.ts'), '--store', randomUUID()],
    ];
    for (const args of programs) {
      const { code, output } = await run(url, 'JPY', ...args);
      expect(output, args.join(' ')).to.contain(
        'CURRENCY is JPY, but all amounts in this log are in EUR: set CURRENCY=EUR',
      );
      expect(code, output).to.equal(CONFIG_EXIT_CODE);
    }
    expect(await chosenIn(url)).to.deep.equal(['EUR']);
    await serve(url, 'EUR');
  });

  it('are settled once when several processes start at the same time', async () => {
    const url = await newPlace();
    must({ status: (await run(url, 'EUR', 'migrate', 'up')).code ?? -1 } as never, 0);
    const started = await Promise.all(Array.from({ length: STARTS }, () => serve(url, 'EUR')));
    expect(started).to.have.lengthOf(STARTS);
    expect(await chosenIn(url)).to.deep.equal(['EUR']);
  });

  it('know a product of another currency, which an earlier version left: it is bought once it is priced anew', async () => {
    const url = await newPlace();
    const server = await serve(url, 'EUR');
    const people = peopleOf({ url: server.url, databaseUrl: url, currency: 'EUR' });
    const [seller, buyer, category] = [await people.seller(), await people.buyer(), await people.category()];
    const [cheap, dear, old] = [
      await people.product(seller, category, { price: '10.00' }),
      await people.product(seller, category, { price: '30.00' }),
      randomUUID(),
    ];
    const write = await openWriteSide(url, { CURRENCY: 'EUR' });
    const context = () => commandContext(write.services, { actor: { id: 'test', role: 'system' } });
    await context().handle(stockDecider, old, { type: 'ReceiveStock', data: { quantity: 5 } });
    const texts = { name: 'Quill', description: '', categoryId: category, sku: null };
    const data = { ...texts, price: 2_000, currency: 'JPY', storeId: seller.storeId, sellerId: seller.id };
    await context().handle(productDecider, old, { type: 'ListProduct', data });
    await write.close();
    const listed = async (query: string): Promise<[string, number, string][]> => {
      const { data: rows } = must(await buyer.call('GET', `/products?${query}`), 200);
      return (rows as Json[]).map(({ id, price, currency }) => [id, price, currency]);
    };
    await eventually('the product is listed', async () => (await listed('sort_by=price')).length === 3);

    // Never between two prices in euros, and in no range of them.
    const euros = [
      [cheap, 10, 'EUR'],
      [dear, 30, 'EUR'],
    ];
    expect(await listed('sort_by=price')).to.deep.equal([...euros, [old, 2_000, 'JPY']]);
    expect(await listed('sort_by=price&min_price=1')).to.deep.equal(euros);
    expect(await listed('sort_by=price&max_price=3000')).to.deep.equal(euros);

    const order = { shipping_address: '5 Abbey Road', items: [{ product_id: old, quantity: 2 }] };
    const refused = must(await buyer.call('POST', '/orders', order), 409);
    expect(refused.text).to.contain('it is priced in JPY, and this shop sells in EUR');
    must(await buyer.call('POST', '/cart/items', { product_id: old, quantity: 2 }), 409);
    must(await seller.call('PUT', `/products/${old}`, { price: '20.00' }), 200);
    const placed = must(await buyer.call('POST', '/orders', order), 201).data;
    expect(placed).to.include({ total: 40, currency: 'EUR' });
    await people.untilOrder(buyer, placed.id, 'paid');
    const { data: notes } = await eventually('the mails are made', async () => {
      const answer = must(await buyer.call('GET', '/notifications'), 200);
      return JSON.stringify(answer.data).includes('EUR 40.00') ? answer : undefined;
    });
    expect(JSON.stringify(notes)).not.to.contain('JPY');
  });

  it('move together: an export goes only where its currency is sold in', async () => {
    const [source, target] = [await newPlace(), await newPlace()];
    const file = path.join(temporaryFolder('currency'), 'shop.ndjson');
    const server = await serve(source, 'EUR');
    await peopleOf({ url: server.url, databaseUrl: source }).buyer();
    const exported = await run(source, 'EUR', 'export', file, '--json');
    expect(exported.code, exported.output).to.equal(0);

    const refused = await run(target, 'JPY', 'import', 'events', file);
    expect(refused.output).to.contain('CURRENCY is JPY, but all amounts in this export are in EUR');
    expect(refused.code).to.equal(CONFIG_EXIT_CODE);

    // A shop that was started once, and sold nothing yet, is as good as an empty one.
    await (await serve(target, 'EUR')).end('SIGTERM');
    servers.pop();
    const other = await run(target, 'JPY', 'import', 'events', file);
    expect(other.output).to.contain('CURRENCY is JPY, but all amounts in this export are in EUR');
    expect(other.code).to.equal(CONFIG_EXIT_CODE);
    const { events } = JSON.parse(exported.answer) as { events: number };
    for (const known of [1, events]) {
      const brought = await run(target, 'EUR', 'import', 'events', file, '--json');
      expect(brought.code, brought.output).to.equal(0);
      expect(JSON.parse(brought.answer)).to.include({ events, known });
    }
    expect(await chosenIn(target)).to.deep.equal(['EUR']);
    const hash = await run(target, 'EUR', 'export', '--hash', '--json');
    expect(JSON.parse(hash.answer)).to.include({ events });
    await serve(target, 'EUR');
  });
});
