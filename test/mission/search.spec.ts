import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { must, type Caller, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

const ADDRESS = { shipping_address: '1 Abbey Road, London' };
/** More than other specs sell of one product. */
const MANY = 90;

/** A word that no other spec has, without the letters that make plurals. */
const rare = (): string =>
  `q${randomUUID()
    .replaceAll('-', '')
    .replace(/[0-9]/g, (digit) => 'kvwxzkvwxz'[Number(digit)]!)
    .slice(0, 12)}k`;

describe('the mission: search and recommendation', function () {
  this.timeout(30_000);
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer();
    buyer = await mission.people.buyer();
  });

  const make = async (fields: Record<string, unknown>): Promise<string> =>
    mission.people.product(offer.seller, await mission.category(), fields);
  const idsOf = async (path: string): Promise<string[]> =>
    (must(await mission.ask('GET', path), 200).data as Json[]).map(({ id }) => id as string);
  const found = (search: string, filters = ''): Promise<string[]> =>
    idsOf(`/products?search=${encodeURIComponent(search)}${filters}`);

  async function place(quantity: number, ...products: string[]): Promise<string> {
    const items = products.map((id) => ({ product_id: id, quantity }));
    const { id } = must(await buyer.call('POST', '/orders', { ...ADDRESS, items }), 201).data as { id: string };
    await mission.people.untilOrder(buyer, id, 'paid');
    return id;
  }
  /** Gives all money of an order back. */
  async function payBack(orderId: string): Promise<void> {
    const [payment] = must(await buyer.call('GET', `/orders/${orderId}/payments`), 200).data as Json[];
    must(await offer.seller.call('POST', `/payments/${payment!.id}/refund`, { reason: 'all of it' }), 200);
  }

  it('CAT-07, CAT-09: finds words of name, SKU and description, their beginnings, forms and misspellings, the best first', async () => {
    const word = rare();
    const whole = await make({ name: word });
    const named = await make({ name: `Blue ${word} shelf`, sku: `SKU-${word}` });
    const described = await make({ name: 'Crème brûlée torch', description: `Goes with a ${word}.` });
    expect(await found(word)).to.deep.equal([whole, named, described]);
    expect(await found(`${word} shelves`)).to.deep.equal([named]);
    expect(await found(word.slice(0, -2))).to.have.members([whole, named, described]);
    expect(await found(`creme brulee ${word}`)).to.deep.equal([described]);
    expect(await found(`${word.slice(0, 4)}${word[5]}${word[4]}${word.slice(6)}`)).to.include(whole);
    expect(await found(`SKU-${word}`)).to.deep.equal([named]);
    for (const sign of ['%', '_', `${rare()} ${word}`]) expect(await found(sign), sign).not.to.include(whole);
  });

  it('CAT-08, CAT-09: combines a search with every filter, and sorts what it finds', async () => {
    const word = rare();
    const dear = await make({ name: `${word} one`, price: '30.00', stock: 1 });
    const cheap = await make({ name: `${word} two`, price: '5.00', stock: 1 });
    const gone = await make({ name: `${word} three`, price: '6.00', stock: 0 });
    const elsewhere = await mission.offer({ name: `${word} four`, price: '5.00' });
    const store = `&store_id=${offer.seller.storeId}`;
    const by = (filters: string): Promise<string[]> => found(word, filters);
    expect(await by('&sort_by=price')).to.have.ordered.members(
      [cheap, elsewhere.productId].sort().concat([gone, dear]),
    );
    expect(await by(`${store}&sort_by=price&sort_order=desc`)).to.deep.equal([dear, gone, cheap]);
    expect(await by(`${store}&in_stock=true&max_price=10`)).to.deep.equal([cheap]);
    expect(await by(`${store}&min_price=6&max_price=30&in_stock=false`)).to.deep.equal([gone]);
    expect(await by(`${store}&category_id=${await mission.category()}&min_price=29.99`)).to.deep.equal([dear]);
    expect(await by(`&category_id=${randomUUID()}`)).to.deep.equal([]);
    expect(await idsOf(`/stores/${elsewhere.seller.storeId}/products?search=${word}`)).to.deep.equal([
      elsewhere.productId,
    ]);
  });

  it('CAT-12, B23: searches stores as it searches products, and takes no sign for a wildcard', async () => {
    const word = rare();
    const { storeId } = offer.seller;
    must(await offer.seller.call('PUT', `/stores/${storeId}`, { name: `Café ${word} 50%`, description: '' }), 200);
    const stores = (search: string): Promise<string[]> => idsOf(`/stores?search=${encodeURIComponent(search)}`);
    for (const typed of [word, `cafe ${word}`, word.slice(0, -3), `CAFÉ ${word.toUpperCase()}`, `${word} 50%`]) {
      expect(await stores(typed), typed).to.deep.equal([storeId]);
    }
    for (const typed of [`-${rare()}`, `${rare()} or ${word}`]) expect(await stores(typed), typed).to.deep.equal([]);
    for (const typed of ['_', '"', `\\`, `'`, '(', 'a:*', 'a & !', 'red or']) {
      expect(await stores(typed), typed).not.to.include(storeId);
    }
    expect(await idsOf('/stores?per_page=100')).to.include(storeId);
    expect(await stores('   ')).to.be.an('array').that.is.not.empty;
    must(await mission.ask('GET', '/stores?search=%00'), 400);
    must(await mission.ask('GET', `/stores?search=${'a'.repeat(1000)}`), 400);
    const admin = await mission.admin();
    must(await admin.call('PUT', `/admin/stores/${storeId}/suspend`, { reason: 'a look' }), 200);
    await mission.until('it is not found', async () => (await stores(word)).length === 0);
    must(await admin.call('PUT', `/admin/stores/${storeId}/restore`, { reason: 'looked' }), 200);
    await mission.until('it is found again', async () => (await stores(word)).length === 1);
  });

  it('CAT-18: recommends what was bought together, most often first, without what was cancelled, paid back or hidden', async () => {
    const many = (): Promise<string> => make({ stock: 1000 });
    const [tea, cup, pot, jug, tin, bag, lid] = await Promise.all([
      many(),
      many(),
      many(),
      many(),
      many(),
      many(),
      many(),
    ]);
    await place(1, tea, cup, pot);
    await place(1, tea, cup);
    await place(1, jug, tea);
    await place(1, tea, lid);
    must(await buyer.call('PUT', `/orders/${await place(1, tea, tin)}/cancel`, { reason: 'too many' }), 200);
    await payBack(await place(1, tea, bag));
    must(await offer.seller.call('PATCH', `/products/${lid}`, { status: 'inactive' }), 200);
    const related = (): Promise<string[]> => idsOf(`/products/${tea}/related`);
    const wanted = [cup, ...[pot, jug].sort()];
    await mission.until('they are related', async () => (await related()).join() === wanted.join());
    expect(await idsOf(`/products/${jug}/related`)).to.deep.equal([tea]);

    const admin = await mission.admin();
    must(await admin.call('POST', '/admin/projections/bought/rebuild', { reason: 'to see' }), 200);
    await mission.until('it is rebuilt', async () => {
      const all = must(await admin.call('GET', '/admin/projections'), 200).data as Json[];
      return all.find(({ name }) => name === 'bought')?.rebuild?.status === 'done';
    });
    expect(await related()).to.deep.equal(wanted);
  });

  it('CAT-18: lists the best sellers of a window, without orders that were cancelled or paid back', async () => {
    const many = (): Promise<string> => make({ stock: 1000 });
    const [second, first, cancelled, paidBack] = await Promise.all([many(), many(), many(), many()]);
    await place(MANY, first);
    await place(MANY, first);
    await place(MANY, second);
    must(await buyer.call('PUT', `/orders/${await place(MANY, cancelled)}/cancel`, { reason: 'too many' }), 200);
    await payBack(await place(MANY, paidBack));
    for (const window of ['7d', '30d', '90d']) {
      await mission.until(`they are the best of ${window}`, async () => {
        const best = await idsOf(`/products/popular?window=${window}&limit=50`);
        const ours = best.filter((id) => [second, first, cancelled, paidBack].includes(id));
        return ours.join() === [first, second].join();
      });
    }
    must(await mission.ask('GET', '/products/popular?window=1d'), 400);
    must(await mission.ask('GET', '/products/popular?limit=51'), 400);
    expect(await idsOf('/products?sort_by=popularity&per_page=100')).to.include(first);
  });
});
