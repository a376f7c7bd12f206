import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { must, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: finding products', () => {
  // The words of a spec of this run are found in no other product.
  const word = `q${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  let mission: Mission;
  let offer: Offer;
  let other: string;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ name: `Goose ${word}`, description: 'Writes finely', price: '10.00', stock: 50 });
    other = await mission.people.product(offer.seller, await mission.category(), {
      ...{ name: 'Inkwell', description: `For every ${word}`, price: '30.00', stock: 5 },
    });
    await mission.people.product(offer.seller, await mission.category(), { name: 'Blotter', price: '20.00' });
  });
  const find = async (query: string): Promise<string[]> =>
    must(await mission.ask('GET', `/products?${query}`), 200).data.map(({ id }: Json) => id);

  it('CAT-06: lists in pages, and says how many rows and pages there are', async () => {
    const seen: string[] = [];
    for (const page of [1, 2]) {
      const path = `/products?store_id=${offer.seller.storeId}&page=${page}&per_page=2`;
      const { data, body } = must(await mission.ask('GET', path), 200);
      expect(body.meta.pagination).to.include({ current_page: page, per_page: 2, total_items: 3, total_pages: 2 });
      seen.push(...data.map(({ id }: Json) => id));
    }
    expect(new Set(seen).size).to.equal(3);
  });

  it('CAT-07: searches names and descriptions for every word, in any case', async () => {
    expect(await find(`search=${word}`)).to.have.members([offer.productId, other]);
    expect(await find(`search=GOOSE+${word.toUpperCase()}`)).to.deep.equal([offer.productId]);
    expect(await find(`search=goose+inkwell+${word}`)).to.deep.equal([]);
  });

  it('CAT-08: filters by category, price, store and stock, all at once', async () => {
    const store = `store_id=${offer.seller.storeId}`;
    expect(await find(`${store}&min_price=25&max_price=30.00`)).to.deep.equal([other]);
    const category = await mission.category();
    const filters = `${store}&category_id=${category}&search=${word}&max_price=10.00&in_stock=true`;
    expect(await find(filters)).to.deep.equal([offer.productId]);
    expect(await find(`${store}&category_id=${randomUUID()}`)).to.deep.equal([]);
  });

  it('CAT-09: ranks hits in a name before those in a description, forgives a slip, and sorts as asked', async () => {
    expect(await find(`search=${word}`)).to.deep.equal([offer.productId, other]);
    expect(await find(`search=${word.slice(0, 8)}`)).to.deep.equal([offer.productId, other]);
    const sorted = `store_id=${offer.seller.storeId}&search=${word}&sort_by=price&sort_order=desc`;
    expect(await find(sorted)).to.deep.equal([other, offer.productId]);
    const named = { name: 'Kettledrum', description: 'Of copper' };
    const id = await mission.people.product(offer.seller, await mission.category(), named);
    await mission.until('a slip is understood', async () => (await find('search=ketltedrum')).includes(id));
  });

  it('CAT-16: shows a product with the store that sells it', async () => {
    const { data } = must(await mission.ask('GET', `/products/${offer.productId}`), 200);
    const { name } = must(await mission.ask('GET', `/stores/${offer.seller.storeId}`), 200).data;
    expect(data.store).to.deep.include({ id: offer.seller.storeId, name });
    must(await offer.seller.call('PUT', `/stores/${offer.seller.storeId}`, { name: `${name} and Sons` }), 200);
    const renamed = must(await mission.ask('GET', `/products/${offer.productId}`), 200).data;
    expect(renamed.store.name).to.equal(`${name} and Sons`);
  });

  it('CAT-17, INV-03: shows on a product what is in stock and what orders have reserved', async () => {
    const buyer = await mission.people.buyer();
    const items = [{ product_id: offer.productId, quantity: 2 }];
    const order = { shipping_address: '1 Abbey Road', items };
    const { id } = must(await buyer.call('POST', '/orders', order), 201).data;
    const stock = async (): Promise<Json> =>
      must(await mission.ask('GET', `/products/${offer.productId}`), 200).data.stock;
    await mission.until('two are reserved', async () => (await stock()).reserved === 2);
    expect(await stock()).to.deep.equal({ available: 48, reserved: 2, total: 50 });
    const own = must(await offer.seller.call('GET', `/inventory/${offer.productId}`), 200).data;
    expect(own).to.include({ available: 48, reserved: 2, total: 50 });
    must(await buyer.call('DELETE', `/orders/${id}`, { reason: 'ordered twice' }), 200);
    await mission.until('both are given back', async () => (await stock()).available === 50);
  });

  it('CAT-18: shows what was bought together with a product', async () => {
    const buyer = await mission.people.buyer();
    const items = [offer.productId, other].map((product_id) => ({ product_id, quantity: 1 }));
    const { id } = must(await buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road', items }), 201).data;
    await mission.people.untilOrder(buyer, id, 'paid');
    await mission.until('they are related', async () => {
      const { data } = must(await mission.ask('GET', `/products/${offer.productId}/related`), 200);
      return data.some((one: Json) => one.id === other);
    });
  });
});
