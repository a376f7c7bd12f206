import { expect } from 'chai';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { createLogger } from '../../src/platform/log.ts';
import { disposeDataDirs, newDataDir } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type Answer, type Caller } from '../support/shop.ts';

const CRASHES = 4;
/** Postgres recovers within a second, or within many on a crowded machine. */
const RECOVERY_MS = 60_000;
const BACK = [200, 201, 204];

describe('an acknowledged change, when Postgres crashes after it was projected', function () {
  this.timeout(240_000);
  let postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  const servers: ServerProcess[] = [];
  let seller: Caller;
  let buyer: Caller;
  let product: string;

  const launch = async (roles: string): Promise<ServerProcess> => {
    const env = { DATABASE_URL: postgres.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ROLES: roles };
    const server = await spawnServer({ env });
    servers.push(server);
    return server;
  };
  before(async () => {
    postgres = await startEmbeddedPostgres({ dataDir: newDataDir(), log: createLogger('fatal') });
    await launch('http,projector,relay,handlers,deadlines');
    await launch('http');
    const people = peopleOf({ url: servers[0]!.url, databaseUrl: postgres.url });
    seller = await people.seller();
    buyer = await people.buyer();
    product = await people.product(seller, await people.category(), { stock: 1_000 });
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200);
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ exited }) => exited));
    await postgres.stop();
    disposeDataDirs();
  });

  const quietly = (asking: Promise<Answer>): Promise<Answer | undefined> => asking.catch(() => undefined);
  /** The answer to a query once there is one: until then the shop may say that it cannot answer. */
  const answered = (caller: Caller, server: ServerProcess, path: string, position: string): Promise<Answer> =>
    eventually(
      `${path} is answered`,
      async () => {
        const options = { headers: { ...caller.headers, 'min-position': position } };
        const answer = await quietly(request(server.url, 'GET', path, options));
        return answer !== undefined && BACK.includes(answer.status) ? answer : undefined;
      },
      RECOVERY_MS,
    );
  const changed = (caller: Caller, method: string, path: string, body: unknown): Promise<Answer> =>
    eventually(
      `${path} is changed`,
      async () => {
        const answer = await quietly(request(servers[0]!.url, method, path, { body, headers: caller.headers }));
        return answer !== undefined && BACK.includes(answer.status) ? answer : undefined;
      },
      RECOVERY_MS,
    );

  /** A backend of the test's own, to be killed: Postgres then ends all others and recovers from its log. */
  async function backend(): Promise<{ kill(): Promise<void> }> {
    const client = new pg.Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const gone = new Promise<void>((resolve) => client.once('end', () => resolve()));
    return {
      kill: async () => {
        process.kill(rows[0]!.pid, 'SIGKILL');
        await gone;
      },
    };
  }

  it('is in every answer that was asked to include it, in the process that projects and in others', async () => {
    for (let crash = 1; crash <= CRASHES; crash += 1) {
      const victim = await backend();
      const price = `${crash}.50`;
      const quantity = crash + 1;
      await changed(buyer, 'PUT', `/cart/items/${product}`, { quantity });
      const told = await changed(seller, 'PUT', `/products/${product}`, { price });
      const position = told.headers.get('event-position')!;
      const before = await Promise.all(
        servers.map((server) => answered(seller, server, `/products/${product}`, position)),
      );
      await victim.kill();
      const after = await Promise.all(
        servers.map((server) => answered(seller, server, `/products/${product}`, position)),
      );
      const carts = await Promise.all(servers.map((server) => answered(buyer, server, '/cart', position)));

      for (const { data } of [...before, ...after])
        expect(Number(data.price), `crash ${crash}`).to.equal(Number(price));
      for (const { data } of carts) expect(data.items[0].quantity, `the cart, crash ${crash}`).to.equal(quantity);
    }
  });
});
