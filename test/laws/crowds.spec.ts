import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { must, peopleOf, request, type Caller } from '../support/shop.ts';
import { servingTwice, type TwoServers } from '../support/twoServers.ts';

const BUYERS = 40;
const ROUNDS = 3;
const ADDRESS = { shipping_address: '1 Abbey Road, London' };

describe('a crowd at one product, between two processes', function () {
  this.timeout(180_000);
  let two: TwoServers;
  servingTwice((served) => (two = served));

  it('buys without a refusal for now, leaves no cart locked, and the stock is exact', async () => {
    const people = peopleOf({ url: two.servers[0]!.url, databaseUrl: two.database.url });
    const seller = await people.seller();
    const hot = await people.product(seller, await people.category(), { stock: 1_000 });
    const buyers: Caller[] = [];
    while (buyers.length < BUYERS) {
      buyers.push(...(await Promise.all(Array.from({ length: 10 }, () => people.buyer()))));
    }
    const ask = (index: number, { headers }: Caller, [method, path]: readonly [string, string], body?: object) =>
      request(two.servers[index % two.servers.length]!.url, method, path, {
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
