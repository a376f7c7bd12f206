import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type Caller } from '../support/shop.ts';

const BUYERS = 40;
const ROUNDS = 3;
const ADDRESS = { shipping_address: '1 Abbey Road, London' };

describe('a crowd at one product, between two processes', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let servers: ServerProcess[] = [];

  const launch = (roles: string): Promise<ServerProcess> =>
    spawnServer({ env: { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ROLES: roles } });

  before(async () => {
    database = await freshDatabase();
    servers = [await launch('http,projector,relay,handlers,deadlines')];
    servers.push(await launch('http'));
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ exited }) => exited));
    await database.drop();
  });

  it('buys without a refusal for now, leaves no cart locked, and the stock is exact', async () => {
    const people = peopleOf({ url: servers[0]!.url, databaseUrl: database.url });
    const seller = await people.seller();
    const hot = await people.product(seller, await people.category(), { stock: 1_000 });
    const buyers: Caller[] = [];
    while (buyers.length < BUYERS) {
      buyers.push(...(await Promise.all(Array.from({ length: 10 }, () => people.buyer()))));
    }
    const ask = (index: number, { headers }: Caller, [method, path]: readonly [string, string], body?: object) =>
      request(servers[index % servers.length]!.url, method, path, {
        ...(body === undefined ? {} : { body }),
        headers: { ...headers, 'idempotency-key': randomUUID() },
      });
    const refused: string[] = [];
    await Promise.all(
      buyers.map(async (buyer, index) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          must(await ask(index, buyer, ['POST', '/cart/items'], { product_id: hot, quantity: 1 }), 200);
          const answer = await ask(index + round, buyer, ['POST', '/orders'], ADDRESS);
          if (answer.status !== 201) refused.push(answer.text);
          must(await ask(index, buyer, ['DELETE', '/cart']), 200);
        }
      }),
    );
    expect(refused).to.deep.equal([]);
    const { data } = must(await seller.call('GET', `/products/${hot}`), 200);
    const sold = BUYERS * ROUNDS;
    expect(data.stock).to.deep.equal({ available: 1_000 - sold, reserved: sold, total: 1_000 });
  });
});
