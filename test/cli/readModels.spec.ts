import { expect } from 'chai';
import { projections } from '../../src/projections/index.ts';
import { lockKey, REBUILD_LOCK } from '../../src/platform/postgres/schemaLocks.ts';
import { wholeLog } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { serveShopApart } from '../support/shop.ts';
import { openWorld, perform, type World } from './world.ts';

const NAMES = projections.map(({ name }) => name);

describe('cartulary rebuild and projections', function () {
  this.timeout(90_000);
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    const seller = await world.people.seller('Sid');
    const category = await world.people.category('Books');
    for (const name of ['Quill', 'Ink', 'Paper']) {
      const body = { name, price: '10.00', stock: 5, category_id: category };
      await perform('ListProduct', { body }, world.people.as(seller));
    }
  });
  afterEach(() => world.close());

  interface Status {
    readonly position: string;
    readonly lag: string;
    readonly state: string;
    readonly name: string;
  }
  interface State {
    readonly head: string;
    readonly projections: readonly Status[];
    readonly handlers: readonly Status[];
    readonly deadlines: object;
  }
  interface Rebuilt {
    readonly projection: string;
    readonly differences: number;
  }
  const lines = (answer: string): Rebuilt[] =>
    answer
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Rebuilt);
  const state = async () => JSON.parse((await world.run(['projections', '--json'])).answer) as State;

  it('makes every read model from the log while no server runs, and brings its checkpoint to the head', async () => {
    const { code, answer } = await world.run(['rebuild', '--all', '--json']);
    expect(code).to.equal(0);
    const results = lines(answer);
    expect(results.map(({ projection }) => projection)).to.deep.equal(NAMES);
    expect(results.find(({ projection }) => projection === 'products')).to.include({
      rows: 3,
      events: 6,
      differences: 0,
      parked: 0,
    });
    const rows = await world.shop.db.rows('SELECT name FROM products WHERE listed ORDER BY name');
    expect(rows).to.deep.equal([{ name: 'Ink' }, { name: 'Paper' }, { name: 'Quill' }]);
    const { head, projections: models } = await state();
    expect(models.map(({ position }) => position)).to.deep.equal(NAMES.map(() => head));
  });

  it('says loudly that a table was not what the log says, and puts it right', async () => {
    await world.run(['rebuild', 'products']);
    await world.shop.pool.query(`UPDATE products SET price = 1 WHERE name = 'Ink'`);
    const { code, answer } = await world.run(['rebuild', 'products', 'stores']);
    expect(code).to.equal(0);
    expect(answer).to.match(/^products: 3 rows from 6 events in /m);
    expect(answer).to.contain('products: 1 ROWS DIFFERED');
    expect(answer).to.match(/^stores: 1 rows from 1 events in /m);
    expect(await world.shop.db.rows(`SELECT price FROM products WHERE name = 'Ink'`)).to.deep.equal([{ price: 1_000 }]);
  });

  it('names the projections there are when asked for another one', async () => {
    const { code, output } = await world.run(['rebuild', 'orders', 'ordres']);
    expect(code).to.equal(1);
    expect(output).to.contain(`There is no projection ordres: did you mean orders? There are: ${NAMES.join(', ')}.`);
  });

  for (const args of [[], ['orders', '--all']]) {
    it(`wants names or --all, not ${args.length === 0 ? 'neither' : 'both'}`, async () => {
      expect((await world.run(['rebuild', ...args])).code).to.equal(2);
    });
  }

  it('fails by name when a read model cannot be made, and makes the others all the same', async () => {
    const holder = await world.shop.pool.connect();
    await holder.query(`SELECT pg_advisory_lock($1, ${lockKey(`'projection:products'`)})`, [REBUILD_LOCK]);
    const { code, answer } = await world.run(['rebuild', 'products', 'stores', '--json']);
    holder.release(true);
    expect(code).to.equal(1);
    const [products, stores] = lines(answer);
    expect(products).to.deep.equal({
      projection: 'products',
      error: 'projection products is being rebuilt already',
    });
    expect(stores).to.include({ projection: 'stores', rows: 1 });
  });

  it('leaves a running server projecting, and shows the owner of each read model', async () => {
    const server = await serveShopApart(world.url);
    const before = await eventually(
      'all follow',
      async () => {
        const found = await state();
        const all = [...found.projections, ...found.handlers];
        return all.every(({ lag }) => lag === '0') ? found : undefined;
      },
      30_000,
    );
    expect(before.projections.map((one) => one.state)).to.deep.equal(NAMES.map(() => 'following'));
    expect(before.handlers.map(({ name }) => name)).to.include.members(['payment', 'fulfilment', 'notification']);
    expect(before.handlers.filter((one) => one.state !== 'running')).to.deep.equal([]);
    expect(before.deadlines).to.deep.equal({ state: 'running', waiting: 0, overdue: 0, next: null });
    const { code, answer } = await world.run(['rebuild', '--all', '--json']);
    expect(code).to.equal(0);
    expect(lines(answer).map(({ differences }) => differences)).to.deep.equal(NAMES.map(() => 0));
    await world.people.category('Maps');
    await eventually('the server projects on', async () => {
      const rows = await world.shop.db.rows(`SELECT name FROM categories WHERE name = 'Maps'`);
      return rows.length === 1;
    });
    await server.process().end('SIGTERM');
    const after = await state();
    expect(after.projections[0]).to.include({ state: 'stopped' });
  });

  it('shows a read model that is behind, and what is parked and why, in a table', async () => {
    await world.run(['rebuild', 'users']);
    const letter = `INSERT INTO dead_letters (id, consumer, stream, event_id, type, position, revision, status, reason, payload)
      VALUES (gen_random_uuid(), $1, 'order-1', gen_random_uuid(), 'OrderPlaced', 1, 0, 'dead', 'the bank is closed', '{}')`;
    await world.shop.pool.query(letter, ['payment']);
    await world.shop.pool.query(letter, ['projection:orders']);
    const { answer } = await world.run(['projections']);
    const [title, ...rows] = answer.split('\n').map((line) => line.split(/ {2,}/));
    expect(title).to.deep.equal(['NAME', 'KIND', 'POSITION', 'HEAD', 'LAG', 'STATE', 'PARKED', 'LAST ERROR']);
    const head = String((await world.shop.store.head()).position);
    const all = String((await wholeLog(world.shop.store)).length);
    expect(rows).to.deep.include(['users', 'projection', head, head, '0', 'stopped', '0', '–']);
    expect(rows).to.deep.include(['stores', 'projection', '0', head, all, 'stopped', '0', '–']);
    expect(rows).to.deep.include(['payment', 'handler', '0', head, all, 'stopped', '1', 'the bank is closed']);
    expect(answer).to.contain('see "cartulary dead-letters list"');
  });
});
