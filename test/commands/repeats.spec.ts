import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { admin, dataOf, openMemoryShop, seller, type Input } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';

describe('a repeated command', () => {
  const inCategory = async (shop: ReturnType<typeof openMemoryShop>, name: string): Promise<string> =>
    String(dataOf(await shop.ask('CreateCategory', admin, { body: { name } }))['id']);

  it('has its first answer, although a fact that it checks has changed since; a new one is refused', async () => {
    const shop = openMemoryShop();
    const owner = seller();
    const categoryId = await inCategory(shop, 'Tea');
    const body = { name: 'Sencha', price: '3.00', stock: 4, category_id: categoryId };
    const id = randomUUID();
    const listed = dataOf(await shop.ask('ListProduct', owner, { body }, { id }));
    const changed: Input = { params: { id: listed['id'] }, body: { category_id: categoryId } };
    const adjusted: Input = { params: { id: listed['id'] }, body: { change: 2, reason: 'found' } };
    const [change, adjust] = [randomUUID(), randomUUID()];
    await shop.ask('UpdateProduct', owner, { ...changed, body: { category_id: await inCategory(shop, 'Cups') } });
    const moved = await shop.ask('UpdateProduct', owner, changed, { id: change });
    const stock = await shop.ask('AdjustStock', owner, adjusted, { id: adjust });
    await shop.delist(String(listed['id']));
    await shop.ask('DeleteCategory', admin, { params: { id: categoryId } });

    expect(dataOf(await shop.ask('ListProduct', owner, { body }, { id }))['id']).to.equal(listed['id']);
    expect((await shop.ask('UpdateProduct', owner, changed, { id: change })).revision).to.equal(moved.revision);
    expect(await shop.ask('AdjustStock', owner, adjusted, { id: adjust })).to.deep.equal(stock);
    for (const [name, input] of [
      ['ListProduct', { body }],
      ['UpdateProduct', changed],
      ['AdjustStock', adjusted],
    ] as const) {
      expect(String(await rejection(shop.ask(name, owner, input, { id: randomUUID() }))), name).to.match(/no |exists/);
    }
  });
});
