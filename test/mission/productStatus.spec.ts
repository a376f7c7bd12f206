import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { must, request, type Caller, type Json } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

const ORDER = { shipping_address: '1 Abbey Road, London' };

describe('the mission: product status', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer();
    buyer = await mission.people.buyer();
  });
  const idsIn = async (caller: Caller, path: string): Promise<string[]> =>
    (must(await caller.call('GET', path), 200).data as Json[]).map(({ id }) => id as string);

  it('AX.3: shows a draft to its seller alone, and everybody the active product', async () => {
    const { seller } = offer;
    const body = { name: 'Vellum', price: '3.00', stock: 5, category_id: await mission.category(), status: 'draft' };
    const made = must(await seller.call('POST', '/products', body), 201);
    expect(made.data.status).to.equal('draft');
    const { id } = made.data as { id: string };
    const own = must(await seller.call('GET', `/products/${id}`), 200);
    expect(own.data).to.deep.equal(made.data);
    expect(own.headers.get('cache-control')).to.equal('private, no-cache');
    expect(must(await buyer.call('GET', `/products/${id}`), 404).body.type).to.equal('/problems/ProductUnknown');
    must(await mission.ask('GET', `/products/${id}`), 404);
    const lists = [`/products?store_id=${seller.storeId}`, `/stores/${seller.storeId}/products`];
    for (const path of lists) expect(await idsIn(buyer, path), path).to.deep.equal([offer.productId]);
    expect(await idsIn(seller, '/seller/products?status=draft')).to.deep.equal([id]);
    expect(await idsIn(seller, '/seller/products?search=vellum')).to.deep.equal([id]);
    expect(await idsIn(seller, '/seller/products')).to.have.members([id, offer.productId]);
    must(await buyer.call('POST', '/cart/items', { product_id: id, quantity: 1 }), 404);
    must(await buyer.call('POST', '/orders', { ...ORDER, items: [{ product_id: id, quantity: 1 }] }), 409);
    expect(must(await seller.call('GET', `/products/${id}/stock`), 200).data.total).to.equal(5);

    expect(must(await seller.call('PATCH', `/products/${id}`, { status: 'active' }), 200).data.status).to.equal(
      'active',
    );
    expect(must(await buyer.call('GET', `/products/${id}`), 200).data).to.deep.include({ id, status: 'active' });
    expect(await idsIn(buyer, lists[0]!)).to.have.members([id, offer.productId]);
    must(await buyer.call('POST', '/orders', { ...ORDER, items: [{ product_id: id, quantity: 1 }] }), 201);
  });

  it('AX.3: marks an inactive product in a cart, and refuses to check it out until it is active again', async () => {
    const { seller, productId } = await mission.offer({ name: 'Sand' });
    must(await buyer.call('POST', '/cart/items', { product_id: productId, quantity: 1 }), 200);
    must(await seller.call('PUT', `/products/${productId}`, { status: 'inactive' }), 200);
    const shown = await eventually('the cart shows that it cannot be bought', async () => {
      const { items } = must(await buyer.call('GET', '/cart'), 200).data;
      return items[0].available === false ? items[0] : undefined;
    });
    expect(shown).to.include({ name: 'Sand', subtotal: 0 });
    const refused = must(await buyer.call('POST', '/orders', ORDER), 409);
    expect(refused.body.type).to.equal('/problems/ProductUnavailable');
    must(await seller.call('PUT', `/products/${productId}`, { status: 'active' }), 200);
    must(await buyer.call('POST', '/orders', ORDER), 201);
    for (const status of ['deleted', 'ACTIVE', '', null, 1]) {
      must(await seller.call('PUT', `/products/${productId}`, { status }), 400);
    }
    const options = await request(mission.url, 'OPTIONS', `/products/${productId}`, {});
    expect(options.headers.get('allow')).to.include('PATCH');
  });
});
