import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { must, openWriteSide, type Answer, type Caller, type Json } from '../support/shop.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';

const ADDRESS = { shipping_address: '1 Abbey Road, London' };
const REASON = 'sells fakes of Ann’s teapots';

describe('a store that an administrator suspends', function () {
  this.timeout(60_000);
  let shop: StockedShop & { readonly seller: { readonly storeId: string } };
  let admin: Caller;
  let buyer: Caller;
  before(async () => {
    shop = await openStockedShop();
    admin = await shop.people.admin();
    buyer = await shop.people.buyer();
  });
  after(() => shop.close());

  const idsOf = ({ data }: Answer): string[] => (data as Json[]).map(({ id }) => String(id));
  /** The answers, as everybody gets them, in which the product is found while it is on sale. */
  const found = async (): Promise<Record<string, boolean>> => {
    const { product, seller } = shop;
    const listed = async (path: string) => idsOf(must(await buyer.call('GET', path), 200)).includes(product);
    return {
      list: await listed('/products'),
      search: await listed('/products?search=quill'),
      'of the store': await listed(`/stores/${seller.storeId}/products`),
      'by store': await listed(`/products?store_id=${seller.storeId}`),
      detail: (await buyer.call('GET', `/products/${product}`)).status === 200,
      related: (await buyer.call('GET', `/products/${product}/related`)).status === 200,
    };
  };
  const everywhere = (is: boolean) => ({
    ...{ list: is, search: is, 'of the store': is, 'by store': is, detail: is, related: is },
  });
  const act = async (name: 'suspend' | 'restore', body: object) =>
    must(await admin.call('PUT', `/admin/stores/${shop.seller.storeId}/${name}`, body), 200).data;

  it('vanishes at once from lists, search, detail, carts and checkout; its open orders go on; it can come back', async () => {
    const { people, seller, product } = shop;
    const items = [{ product_id: product, quantity: 1 }];
    const { id: order } = must(await buyer.call('POST', '/orders', { ...ADDRESS, items }), 201).data;
    await people.untilOrder(buyer, order, 'paid');
    must(await buyer.call('POST', '/cart/items', items[0]), 200);
    expect(await found(), 'before').to.deep.equal(everywhere(true));

    expect(await act('suspend', { reason: REASON })).to.deep.include({ id: seller.storeId, status: 'suspended' });
    expect(await found(), 'while it is suspended').to.deep.equal(everywhere(false));
    expect(must(await buyer.call('GET', `/stores/${seller.storeId}`), 200).data.status).to.equal('suspended');
    const cart = must(await buyer.call('GET', '/cart'), 200).data;
    expect(cart.items[0]).to.include({ product_id: product, available: false, subtotal: 0 });
    expect(cart.total).to.equal(0);
    const added = await buyer.call('POST', '/cart/items', items[0]);
    expect([added.status, added.body.type]).to.deep.equal([404, '/problems/ProductUnknown']);
    for (const body of [ADDRESS, { ...ADDRESS, items }]) {
      const refused = await buyer.call('POST', '/orders', body);
      expect([refused.status, refused.body.type]).to.deep.equal([409, '/problems/ProductUnavailable']);
      expect(refused.body.errors[0]).to.include({ field: 'items.0' });
      expect(refused.body.errors[0].message).to.include('can no longer be bought');
    }
    expect(must(await seller.call('GET', '/inventory/low-stock?below=1000000'), 200).data).to.have.length(1);
    for (const status of ['processing', 'shipping', 'shipped', 'completed']) {
      must(await seller.call('PUT', `/orders/${order}/status`, { status }), 200);
    }

    expect(await act('restore', {})).to.deep.include({ status: 'open' });
    expect(await found(), 'after').to.deep.equal(everywhere(true));
    expect(must(await buyer.call('GET', '/cart'), 200).data.items[0]).to.include({ available: true, subtotal: 10 });
    must(await buyer.call('POST', '/orders', ADDRESS), 201);
  });

  it('has every act in its stream, with the administrator and the reason, which cannot be read there', async () => {
    await act('suspend', { reason: REASON });
    await act('suspend', { reason: 'once more' });
    await act('restore', { reason: 'they were real' });
    const write = await openWriteSide(shop.databaseUrl, {}, { readOnly: true });
    try {
      const events = await write.store.read(`store-${shop.seller.storeId}`, 1n);
      expect(events.slice(-2).map(({ type, metadata }) => [type, metadata.actor])).to.deep.equal([
        ['StoreSuspended', admin.id],
        ['StoreRestored', admin.id],
      ]);
      expect(JSON.stringify(events.map(({ data }) => data)))
        .not.to.include('fakes')
        .and.not.to.include('real');
      expect(events.at(-2)?.data)
        .to.have.property('reason')
        .that.matches(/^pd2\./);
    } finally {
      await write.close();
    }
  });

  it('needs a reason and a store that exists', async () => {
    const { storeId } = shop.seller;
    for (const body of [{}, { reason: ' ' }, { reason: 'x'.repeat(501) }]) {
      must(await admin.call('PUT', `/admin/stores/${storeId}/suspend`, body), 400);
    }
    must(await admin.call('PUT', `/admin/stores/${shop.product}/suspend`, { reason: REASON }), 404);
    must(await admin.call('PUT', `/admin/stores/${shop.product}/restore`, {}), 404);
    await eventually('it is open still', async () => {
      return must(await buyer.call('GET', `/stores/${storeId}`), 200).data.status === 'open';
    });
  });
});
