import { expect } from 'chai';
import pg from 'pg';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { wholeLog } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { behind, expectRowsToBeTheFold } from '../support/fold.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, openWriteSide, peopleOf, type Caller } from '../support/shop.ts';

const TAKEOVER_MS = 10_000;
const TO = { shipping_address: '1 Abbey Road, London' };
const BEHIND_THE_EDGE = 'projector,relay,handlers,deadlines';

describe('a lease that one process owns', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let write: Shop;
  let http: ServerProcess;
  let first: ServerProcess;
  let second: ServerProcess;
  let buyer: Caller;
  let product: string;

  const launch = (roles: string): Promise<ServerProcess> =>
    spawnServer({ env: { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ROLES: roles } });
  const shop = (): { url: string; databaseUrl: string } => ({ url: http.url, databaseUrl: database.url });
  const owners = async (): Promise<Map<string, number>> => {
    const rows = await write.db.rows<{ name: string; owner: string | null }>('SELECT name, owner FROM checkpoints');
    return new Map(rows.map(({ name, owner }) => [name, Number(owner?.split(':')[1] ?? 0)]));
  };
  const allOwnedBy = (process: ServerProcess, withinMs: number): Promise<number> => {
    const from = performance.now();
    return eventually(
      'it owns everything',
      async () => {
        const pids = [...(await owners()).values()];
        return pids.length > 10 && pids.every((pid) => pid === process.pid) ? performance.now() - from : undefined;
      },
      withinMs,
    );
  };
  const order = async (): Promise<string> =>
    must(await buyer.call('POST', '/orders', { ...TO, items: [{ product_id: product, quantity: 1 }] }), 201).data.id;

  before(async () => {
    database = await freshDatabase();
    write = await openWriteSide(database.url);
    [http, first] = await Promise.all([launch('http'), launch(BEHIND_THE_EDGE)]);
    const people = peopleOf(shop());
    const seller = await people.seller();
    product = await people.product(seller, await people.category(), { stock: 1_000 });
    buyer = await people.buyer();
    await people.untilOrder(buyer, await order(), 'paid');
    await allOwnedBy(first, 30_000);
    second = await launch(BEHIND_THE_EDGE);
  });
  after(async () => {
    for (const server of [http, first, second]) server.kill('SIGKILL');
    await Promise.all([http, first, second].map(({ exited }) => exited));
    await write.close();
    await database.drop();
  });

  /** Queries outside of any transaction, because within one the answer would not change. */
  const someConnection = async (is: string): Promise<boolean> => {
    const sql = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND ${is}`;
    return (await write.db.rows(sql)).length > 0;
  };

  /** Freezes a server inside the transaction that moves a handler's checkpoint, so while it holds the lock on the checkpoint's row. */
  async function standStillInside(server: ServerProcess): Promise<string> {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(`SELECT FROM checkpoints WHERE name = 'consumer:payment' FOR UPDATE`);
      const id = await order();
      await eventually('its transaction waits for the row', () =>
        someConnection(`wait_event_type = 'Lock' AND query LIKE '%SET position = $4%'`),
      );
      server.kill('SIGSTOP');
      await holder.query('COMMIT');
      await eventually('it is inside its transaction', () => someConnection(`state = 'idle in transaction'`));
      return id;
    } finally {
      await holder.end();
    }
  }

  it('is taken over within 10 s when it stands still, even inside a transaction, and it does no harm when it goes on', async () => {
    const people = peopleOf(shop());
    const placed = [await standStillInside(first)];
    const from = performance.now();
    placed.push(await order());
    await allOwnedBy(second, TAKEOVER_MS - (performance.now() - from));
    for (const id of placed) await people.untilOrder(buyer, id, 'paid');
    first.kill('SIGCONT');
    await eventually('it notices', () => first.output().includes('lease lost'));
    for (let n = 0; n < 5; n += 1) placed.push(await order());
    for (const id of placed) await people.untilOrder(buyer, id, 'paid');
    expect([...new Set((await owners()).values())]).to.deep.equal([second.pid]);
    await eventually('nobody is behind', async () => (await behind(write)).length === 0);
    await expectRowsToBeTheFold(write);
    const log = await wholeLog(write.store);
    for (const id of placed) {
      const captures = log.filter(({ stream, type }) => stream === `order-${id}` && type === 'PaymentCaptured');
      expect(captures, id).to.have.length(1);
    }
    const { rows } = await write.pool.query<{ requests: number }>('SELECT requests FROM sandbox_charges');
    expect(rows, 'charged once each').to.have.length(placed.length + 1);
  });

  it('is taken over within 10 s when it is killed', async () => {
    second.kill('SIGKILL');
    await second.exited;
    await allOwnedBy(first, TAKEOVER_MS);
    await peopleOf(shop()).untilOrder(buyer, await order(), 'paid');
  });

  it('is given back when it is asked to stop, and taken at once', async () => {
    second = await launch(BEHIND_THE_EDGE);
    expect(await first.end('SIGTERM', 30_000)).to.deep.equal({ code: 0, signal: null });
    await allOwnedBy(second, 2_000);
  });
});
