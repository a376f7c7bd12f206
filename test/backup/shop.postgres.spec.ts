import { expect } from 'chai';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { eventually } from '../support/eventually.ts';
import { spawnEventStoreDouble, type EventStoreDoubleProcess } from '../support/eventStoreDouble/index.ts';
import { must, serveShopApart, type Json } from '../support/shop.ts';
import { emptyPlace, newFile, readModels, type Place } from './world.ts';

describe('the seeded shop, moved from Postgres to EventStoreDB and back', function () {
  this.timeout(240_000);
  let double: EventStoreDoubleProcess;
  let first: Place;
  let second: Place;
  let third: Place;
  let exported: Json;
  const places = (): Place[] => [first, second, third];

  const mustRun = async (place: Place, ...args: string[]): Promise<string> => {
    const { code, answer, output } = await place.run(args);
    expect(code, output).to.equal(0);
    return answer;
  };

  before(async () => {
    double = await spawnEventStoreDouble();
    first = await emptyPlace();
    second = await emptyPlace({ EVENTSTORE_URL: double.url });
    third = await emptyPlace();
    await mustRun(first, 'seed', '--scale', 'small');
    const [there, back] = [newFile('.ndjson.gz'), newFile('.ndjson')];
    exported = await first.json('export', there);
    expect(exported.events).to.be.greaterThan(500);
    expect(await second.json('import', 'events', there)).to.include({ events: exported.events, known: 0 });
    await second.json('export', back);
    expect(await third.json('import', 'events', back)).to.include({ events: exported.events, known: 0 });
  });
  after(async () => {
    for (const place of places()) await place.drop();
    await double.stop();
  });

  it('has the same log hash everywhere', async () => {
    for (const place of places()) {
      const { log_hash: hash, events } = await place.json('export', '--hash');
      expect({ log_hash: hash, events }).to.deep.equal({ log_hash: exported.log_hash, events: exported.events });
    }
  });

  it('has the same read models everywhere', async () => {
    for (const place of places()) await mustRun(place, 'rebuild', '--all');
    const models = await readModels(first.url);
    expect(models.orders.length).to.be.greaterThan(10);
    for (const place of [second, third]) expect(await readModels(place.url, place.settings)).to.deep.equal(models);
  });

  for (const where of ['EventStoreDB', 'Postgres'] as const) {
    it(`opens again on ${where}: what was paid and mailed is not again, what comes is`, async () => {
      const place = where === 'EventStoreDB' ? second : third;
      const pool = createPool({ url: place.url, name: 'test', max: 2, int8: 'number' });
      const done = async (): Promise<Json> =>
        (
          await pool.query(
            `SELECT (SELECT count(*) FROM notifications) AS mails, (SELECT count(*) FROM sandbox_charges) AS charges`,
          )
        ).rows[0];
      const server = await serveShopApart(place.url, place.settings);
      try {
        await eventually(
          'all follow at the head',
          async () => {
            const { handlers, projections } = await place.json('projections');
            const all: Json[] = [...handlers, ...projections];
            return all.every(({ lag, state, name }) => lag === '0' && (name === 'relay' || state !== 'stopped'));
          },
          60_000,
        );
        expect(await done()).to.deep.equal({ mails: 0, charges: 0 });
        const { people } = server;
        const { rows } = await pool.query<{ id: string }>('SELECT id FROM categories ORDER BY id LIMIT 1');
        const product = await people.product(await people.seller(), rows[0]!.id);
        const buyer = await people.buyer();
        const items = [{ product_id: product, quantity: 1 }];
        const body = { shipping_address: '1 Abbey Road, London', items };
        const { id } = must(await buyer.call('POST', '/orders', body), 201).data;
        await people.untilOrder(buyer, id, 'paid', 30_000);
        expect((await done()).charges).to.equal(1);
      } finally {
        await server.process().end('SIGTERM');
        await pool.end();
      }
    });
  }
});
