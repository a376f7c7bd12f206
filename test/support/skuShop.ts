import { randomUUID } from 'node:crypto';
import { productDecider } from '../../src/aggregates/product.ts';
import type { Services } from '../../src/commands/contract.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { storeIdOf } from '../../src/queries/store.ts';
import { admin, type Circumstances, dataOf, openMemoryShop, seller } from './memoryShop.ts';

/** The services of a process whose read model has seen nothing yet: only claims tell which SKUs are taken. */
export const blind = (services: Services): Services => ({
  ...services,
  hints: { ...services.hints, productsWithSku: () => Promise.resolve([]) },
});

/** A shop in memory with one category, and what a seller does with SKUs in it. */
export async function openSkuShop() {
  const shop = openMemoryShop();
  const owner = seller();
  const categoryId = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Pens' } }))['id'] as string;

  async function list(sku: string | undefined, how: Circumstances = {}, by: Actor = owner): Promise<string> {
    const body = {
      ...{ name: 'Quill', price: '1.00', stock: 1, category_id: categoryId },
      ...(sku === undefined ? {} : { sku }),
    };
    return dataOf(await shop.ask('ListProduct', by, { body }, how))['id'] as string;
  }
  const change = async (id: string, body: object, how?: Circumstances): Promise<Record<string, unknown>> =>
    dataOf(await shop.ask('UpdateProduct', owner, { params: { id }, body }, how));
  const rename = (id: string, sku: string | null, how?: Circumstances) => change(id, { sku }, how);
  const remove = (id: string, how?: Circumstances) => shop.ask('DelistProduct', owner, { params: { id } }, how);

  /** A product of an earlier version, which has no claim on its SKU. */
  async function listedEarlier(sku: string): Promise<string> {
    const id = randomUUID();
    const whose = { storeId: storeIdOf(owner.id), sellerId: owner.id, sku };
    const data = { ...whose, name: 'Quill', description: '', price: 100, currency: 'EUR', categoryId };
    await shop.does(productDecider, id, { type: 'ListProduct', data });
    return id;
  }
  async function skuOf(id: string): Promise<string | null | undefined> {
    const state = await shop.fromLog(productDecider, id);
    return state.status === 'listed' ? state.sku : undefined;
  }
  return { ...{ shop, owner, list, change, rename, remove, listedEarlier, skuOf } };
}

export type SkuShop = Awaited<ReturnType<typeof openSkuShop>>;
