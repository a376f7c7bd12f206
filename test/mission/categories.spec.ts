import { expect } from 'chai';
import { must, type Caller, type Json } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: categories', () => {
  let mission: Mission;
  let admin: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    admin = await mission.admin();
  });

  it('AX.3: shows a tree of categories, and the products of a branch', async () => {
    const top = await mission.category();
    const made = must(await admin.call('POST', '/categories', { name: 'Scriptorium nibs', parent_id: top }), 201);
    expect(made.data.parent_id).to.equal(top);
    const { id } = made.data as { id: string };
    const seller = await mission.people.seller();
    const body = { name: 'Broad nib', price: '2.00', stock: 3, category_id: id };
    const nib = must(await seller.call('POST', '/products', body), 201).data;
    const path = `/products?category_id=${top}&store_id=${seller.storeId}`;
    const idsNow = async (): Promise<string[]> =>
      (must(await seller.call('GET', path), 200).data as Json[]).map((product) => product.id as string);
    expect(await idsNow()).to.deep.equal([nib.id]);
    must(await admin.call('DELETE', `/categories/${top}`), 409);
    const nothing = must(await admin.call('PUT', `/categories/${id}`, {}), 400);
    expect(nothing.body.errors.map(({ field }: Json) => field)).to.deep.equal(['name']);
    const moved = must(await admin.call('PUT', `/categories/${id}`, { parent_id: null }), 200);
    expect(moved.data).to.include({ id, name: 'Scriptorium nibs', parent_id: null });
    expect(must(await mission.ask('GET', path), 200).data).to.deep.equal([]);
  });
});
