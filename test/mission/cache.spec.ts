import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { must, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

// These tests change a row of a read model behind the shop. An answer that does not show it came from the cache, and one that does was made anew.

const LOADING = "wait_event_type = 'Lock' AND query LIKE '%FROM products p JOIN stores s%'";
const AT_ONCE = 30;

describe('the mission: the cache', () => {
  let mission: Mission;
  let offer: Offer;
  let database: pg.Client;
  onMission((shared) => (mission = shared));
  before(async () => {
    database = new pg.Client(mission.databaseUrl);
    await database.connect();
  });
  after(() => database.end());
  beforeEach(async () => {
    offer = await mission.offer();
  });

  const detail = async (): Promise<Json> => must(await mission.ask('GET', `/products/${offer.productId}`), 200).data;
  const page = async (number = 1): Promise<Json[]> =>
    must(await mission.ask('GET', `/products?store_id=${offer.seller.storeId}&page=${number}&per_page=1`), 200).data;
  const behind = async (): Promise<string> => {
    const name = `Behind ${randomUUID()}`;
    await database.query('UPDATE products SET name = $1 WHERE id = $2', [name, offer.productId]);
    return name;
  };
  /** Asks until an answer was kept: until it stays as it is although its row has changed. */
  const untilKept = (what: string, name: () => Promise<string>): Promise<unknown> =>
    mission.until(`${what} comes from the cache`, async () => {
      const before = await name();
      await behind();
      return (await name()) === before;
    });
  const nameOnPage = async (): Promise<string> => (await page())[0].name;
  const misses = async (): Promise<number> => {
    const text = await (await fetch(`${mission.url}/metrics`)).text();
    return Number(/^cartulary_cache_misses (\d+)$/m.exec(text)?.[1]);
  };

  it('CACHE-01: answers a product from the cache', async () => {
    await untilKept('the product', async () => (await detail()).name);
  });

  it('CACHE-02: answers a page of products from the cache, each page by itself', async () => {
    await untilKept('the page', nameOnPage);
    expect(await page(2)).to.deep.equal([]);
    expect(await page(1)).to.have.length(1);
  });

  it('CACHE-03: forgets a product and every page of products when it changes', async () => {
    await untilKept('the product', async () => (await detail()).name);
    await untilKept('the page', nameOnPage);
    must(await offer.seller.call('PUT', `/products/${offer.productId}`, { name: 'Swan quill', price: '11.00' }), 200);
    expect(await detail()).to.include({ name: 'Swan quill', price: 11 });
    expect((await page())[0]).to.include({ name: 'Swan quill', price: 11 });
  });

  it('CACHE-04: forgets a product and every page of products when it is deleted', async () => {
    await untilKept('the product', async () => (await detail()).name);
    await untilKept('the page', nameOnPage);
    must(await offer.seller.call('DELETE', `/products/${offer.productId}`), 200);
    expect(await mission.ask('GET', `/products/${offer.productId}`)).to.include({ status: 404 });
    expect(await page()).to.deep.equal([]);
  });

  it('CACHE-05: forgets every page of products when one is listed', async () => {
    await untilKept('the page', nameOnPage);
    expect(await page(2)).to.deep.equal([]);
    const second = await mission.people.product(offer.seller, await mission.category());
    expect((await page(1)).concat(await page(2)).map(({ id }) => id)).to.have.members([offer.productId, second]);
  });

  it('CACHE-06: reads the database once for all who ask for the same at the same time', async () => {
    // Whatever was kept of the product is forgotten. The lock then holds every read, while all the others come.
    must(await offer.seller.call('PUT', `/products/${offer.productId}`, { price: '12.00' }), 200);
    const before = await misses();
    const reads = async (): Promise<number> =>
      (await database.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND ${LOADING}`))
        .rowCount ?? 0;
    await database.query('BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE');
    const answers = Promise.all(Array.from({ length: AT_ONCE }, detail));
    try {
      await mission.until('all have come', async () => (await misses()) >= before + AT_ONCE);
      await mission.until('the product is read', async () => (await reads()) > 0);
      await misses();
      expect(await reads()).to.equal(1);
    } finally {
      await database.query('COMMIT');
    }
    const prices = new Set((await answers).map(({ price }) => price));
    expect([...prices]).to.deep.equal([12]);
  });

  it('CACHE-07: never answers older than what was acknowledged, whatever is asked and changed at once', async () => {
    let acknowledged = 10;
    let done = false;
    const read = async (): Promise<void> => {
      let seen = 0;
      while (!done) {
        const least = Math.max(acknowledged, seen);
        seen = (await detail()).price;
        expect(seen).to.be.at.least(least);
        expect((await page())[0].price).to.be.at.least(seen);
      }
    };
    const change = async (): Promise<void> => {
      try {
        for (let price = 11; price <= 20; price += 1) {
          must(await offer.seller.call('PUT', `/products/${offer.productId}`, { price: `${price}.00` }), 200);
          acknowledged = price;
        }
      } finally {
        done = true;
      }
    };
    await Promise.all([change(), read(), read(), read()]);
    expect((await detail()).price).to.equal(20);
  });
});
