import { cartDecider } from '../aggregates/cart.ts';
import { productDecider } from '../aggregates/product.ts';
import { storeDecider } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { type Actor, ANONYMOUS } from '../engine/decide/context.ts';
import { turnOf } from '../commands/checkoutTurn.ts';
import type { CommandContext } from '../commands/contract.ts';
import { storeIdOf } from '../queries/store.ts';
import { isRefusal } from '../errors.ts';
import { derivedId } from '../platform/ids.ts';
import { commandContext, type Shop } from '../compose/shop.ts';
import { createAdmin } from '../compose/admin.ts';
import { findCategory, makeCategory } from './categories.ts';
import { perform } from './contracts.ts';
import { operator } from './onShop.ts';
import type { OrderPlan, PersonPlan, Plan, ProductPlan, StorePlan } from './seedPlan.ts';

const NAMESPACE = '8e2f6b1c-5a90-4f0e-9f43-1b1d4c6f7a21';
const AT_ONCE = 16;
/** Attempts for what the shop refuses as unavailable: read models may lag for a moment, or the shop is busy. */
const ATTEMPTS_MAX = 10;
const RETRY_MS = 200;

/** Counts of what was added; what existed before is not counted. */
export interface Made {
  users: number;
  stores: number;
  categories: number;
  products: number;
  orders: number;
}

export interface Seeding {
  readonly shop: Shop;
  readonly seed: number;
  readonly plan: Plan;
  readonly password: string;
  readonly made: Made;
  /** Called after each finished step. */
  readonly step: () => void;
}

/** The buyers of a seeding order more at once than people do. */
const NO_BOUNDS = { ordersMax: 0, unitsMax: 0 };

const servicesOf = ({ services }: Shop): Shop['services'] => ({
  ...services,
  settings: { ...services.settings, unpaidBounds: NO_BOUNDS },
});

/** Every id is derived from the seed and the key, so a repeated seeding finds what it made before and adds nothing twice. */
export const contextFor = ({ shop, seed }: Seeding, key: string, actor: Actor): CommandContext =>
  commandContext(servicesOf(shop), { actor, id: derivedId(`${seed}:${key}`, NAMESPACE) });

/** Runs `work` on every item, at most `atOnce` at a time. */
export async function eachOf<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<unknown>,
  atOnce = AT_ONCE,
): Promise<void> {
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Tries work again that was refused as unavailable, up to `ATTEMPTS_MAX` times; safe because the ids are derived. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRefusal(error) || error.kind !== 'unavailable' || attempt >= ATTEMPTS_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
    }
  }
}

/** Returns a person with an account, and registers them first if necessary. */
export async function someone(seeding: Seeding, plan: PersonPlan, role: 'buyer' | 'admin'): Promise<Actor> {
  const context = contextFor(seeding, plan.key, role === 'admin' ? operator() : ANONYMOUS);
  const id = context.derive('user');
  const { state } = await context.load(userDecider, id);
  if (state.status === 'none') {
    const { name, email } = plan;
    const body = { name, email, password: seeding.password };
    const { actor } = context;
    await patiently<unknown>(() =>
      role === 'admin'
        ? createAdmin(seeding.shop.services, body, { actor, id: context.origin.id })
        : perform(context, 'RegisterUser', { body }),
    );
    seeding.made.users += 1;
  }
  seeding.step();
  return { id, role };
}

async function openStore(seeding: Seeding, { owner, name, description }: StorePlan): Promise<Actor> {
  const buyer = await someone(seeding, owner, 'buyer');
  const context = contextFor(seeding, `${owner.key}:store`, buyer);
  const { state } = await context.load(storeDecider, storeIdOf(buyer.id));
  if (state.status === 'none') seeding.made.stores += 1;
  // Also for an existing store, because its owner may not have become a seller yet.
  await patiently(() => perform(context, 'OpenStore', { body: { name, description } }));
  seeding.step();
  return { id: buyer.id, role: 'seller' };
}

async function category(seeding: Seeding, name: string): Promise<string> {
  const context = contextFor(seeding, `category ${name}`, operator());
  const known = await findCategory(context, name);
  if (known === undefined) seeding.made.categories += 1;
  seeding.step();
  return known ?? makeCategory(context, name);
}

async function list(seeding: Seeding, plan: ProductPlan, seller: Actor, categoryId: string): Promise<string> {
  const context = contextFor(seeding, plan.key, seller);
  const id = context.derive('product');
  const { state } = await context.load(productDecider, id);
  if (state.status === 'none') {
    const { name, description, price, stock, sku } = plan;
    const body = { name, description, price, stock, sku, category_id: categoryId };
    await patiently(() => perform(context, 'ListProduct', { body }));
    seeding.made.products += 1;
  }
  seeding.step();
  return id;
}

/** The seeded shop before its first order. */
export interface Stocked {
  readonly admin: Actor;
  /** Sellers by the id of their store. */
  readonly sellers: ReadonlyMap<string, Actor>;
  readonly productIds: readonly string[];
}

export async function stockShop(seeding: Seeding): Promise<Stocked> {
  const { plan } = seeding;
  const sellers: Actor[] = [];
  const categories = new Map<string, string>();
  const productIds: string[] = [];
  const [admin] = await Promise.all([
    someone(seeding, plan.admin, 'admin'),
    eachOf(plan.stores, async (store, at) => (sellers[at] = await openStore(seeding, store))),
    eachOf(plan.categories, async (name) => categories.set(name, await category(seeding, name))),
  ]);
  await eachOf(plan.products, async (product, at) => {
    productIds[at] = await list(seeding, product, sellers[product.store]!, categories.get(product.category)!);
  });
  const byStore = new Map(sellers.map((seller) => [storeIdOf(seller.id), seller]));
  return { admin, sellers: byStore, productIds };
}

/** Whether the order still locks the cart: a seeding was killed between placing the order and emptying the cart. */
async function holdsCart(context: CommandContext, buyer: Actor, orderId: string): Promise<boolean> {
  const { state } = await context.load(cartDecider, buyer.id);
  return state.checkout?.orderId === orderId;
}

async function fillCart(
  seeding: Seeding,
  plan: OrderPlan,
  { buyer, items }: { buyer: Actor; items: readonly { product_id: string; quantity: number }[] },
): Promise<void> {
  for (const body of items) {
    const adding = contextFor(seeding, `${plan.key}:${body.product_id}`, buyer);
    await patiently(() => perform(adding, 'AddCartItem', { body }));
  }
}

/** Places a planned order unless it was placed before. Returns its id; undefined when the shop refused the order. */
export async function placeOrder(
  seeding: Seeding,
  plan: OrderPlan,
  buyer: Actor,
  productIds: readonly string[],
): Promise<string | undefined> {
  const context = contextFor(seeding, plan.key, buyer);
  const { orderId: id, state } = await turnOf(context);
  if (state.status === 'abandoned') return undefined;
  if (state.status === 'placed' && !(await holdsCart(context, buyer, id))) return id;
  const items = plan.lines.map(({ product, quantity }) => ({ product_id: productIds[product]!, quantity }));
  if (plan.fromCart && state.status === 'none') await fillCart(seeding, plan, { buyer, items });
  const { address, method, notes } = plan;
  const body = {
    shipping_address: address,
    payment_method: method,
    ...(notes === undefined ? {} : { notes }),
    ...(plan.fromCart ? {} : { items }),
  };
  try {
    await patiently(() => perform(context, 'PlaceOrder', { body }));
  } catch (error) {
    if (!isRefusal(error) || error.kind !== 'rejected') throw error;
    // Sold out or delisted in the meantime: seeding goes on without this order.
    return undefined;
  }
  if (state.status === 'none') seeding.made.orders += 1;
  return (await turnOf(context)).orderId;
}
