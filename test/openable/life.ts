import { eventually } from '../support/eventually.ts';
import { must, request, type Json } from '../support/shop.ts';
import { signIn, type Caller } from './asking.ts';
import type { Account, KeptShop } from './kept.ts';
import type { Place } from './place.ts';

/** Enough changes for a snapshot of the stream's state, which is kept after every 500 events. */
const STOCK_CHANGES = 510;
const WAIT_MS = 30_000;
const STEPS = ['processing', 'shipping', 'shipped', 'completed'] as const;
type Step = (typeof STEPS)[number];

export const ACCOUNTS = {
  admin: { email: 'admin@shop.example', password: 'an admin of the shop' },
  mary: { email: 'mary@shop.example', password: 'parchment and ink' },
  sid: { email: 'sid.gall@shop.example', password: 'gall of the oak, and iron' },
  john: { email: 'john@shop.example', password: 'a purse of silver' },
  una: { email: 'una@shop.example', password: 'ein Beutel voll Müntze' },
  paul: { email: 'paul@shop.example', password: 'the second of two passwords' },
} as const satisfies Record<string, Account>;
const PAULS_FIRST = 'the first of two passwords';
const ADDRESS = { name: 'Una', line1: '2 Rue de l’Abbaye', city: 'Zürich', postal_code: '8001', country: 'CH' };

type Name = keyof typeof ACCOUNTS;

/** The things in the shop that questions can be about. */
export interface Life {
  readonly products: string[];
  readonly stores: string[];
  readonly categories: string[];
  readonly orders: { readonly id: string; readonly by: Name }[];
  readonly bestseller: string;
  readonly repeatable: KeptShop['repeatable'];
  readonly underway: KeptShop['underway'];
}

type People = Readonly<Record<Name, Caller>>;

async function register(place: Place, name: Name, more: Record<string, unknown> = {}): Promise<Caller> {
  const account = ACCOUNTS[name];
  const body = { ...account, name: name[0]!.toUpperCase() + name.slice(1), ...more };
  must(await request(place.url(), 'POST', '/auth/register', { body }), 201);
  return signIn(place, { ...account, ...more });
}

async function openStore(place: Place, name: 'mary' | 'sid', store: Record<string, unknown>, more = {}) {
  const owner = await register(place, name, more);
  const { id } = must(await owner.call('POST', '/stores', store), 201).data;
  return { id: id as string, owner: await signIn(place, ACCOUNTS[name]) };
}

/** Changes names, phone numbers, passwords and sessions. */
async function bePeople(place: Place, { una, john }: Pick<People, 'una' | 'john'>): Promise<Caller> {
  const first = await register(place, 'paul', { password: PAULS_FIRST, phone: '+41 44 000 00 01' });
  const change = { name: 'Paul “the Elder”', phone: '+41 44 000 00 02', address: '3 Abbey Road, London' };
  must(await first.call('PUT', '/users/me', change), 200);
  const passwords = { current_password: PAULS_FIRST, new_password: ACCOUNTS.paul.password };
  must(await first.call('PUT', '/users/me/password', passwords), 200);
  must(await una.call('PUT', '/users/me', { address: '2 Rue de l’Abbaye, Zürich' }), 200);
  must(await una.call('PUT', '/users/me', { address: null, phone: '+41 44 000 00 01' }), 200);
  const taken = { phone: '+41 44 000 00 02' };
  must(await john.call('PUT', '/users/me', taken), 409);
  const { data } = must(await request(place.url(), 'POST', '/auth/login', { body: ACCOUNTS.john }), 200);
  const renewed = { refresh_token: data.refresh_token };
  const again = must(await request(place.url(), 'POST', '/auth/refresh', { body: renewed }), 200).data;
  const body = { refresh_token: again.refresh_token };
  must(await request(place.url(), 'POST', '/auth/logout', { body }), 200);
  return signIn(place, ACCOUNTS.paul);
}

async function makeCategories({ admin }: Pick<People, 'admin'>): Promise<string[]> {
  const made: string[] = [];
  for (const name of ['Charters', 'Inks', 'Pens', 'Curios']) {
    made.push(must(await admin.call('POST', '/categories', { name }), 201).data.id);
  }
  must(await admin.call('PUT', `/categories/${made[2]}`, { name: 'Écritoires & pens' }), 200);
  must(await admin.call('DELETE', `/categories/${made[3]}`), 200);
  must(await admin.call('POST', '/categories', { name: 'charters' }), 409);
  return made;
}

/** Lists, renames, reprices, moves, restocks and delists products. */
async function makeProducts({ mary, sid, admin }: People, categories: readonly string[]): Promise<string[]> {
  const list = async (seller: Caller, category: number, product: Record<string, unknown>): Promise<string> => {
    const body = { ...product, category_id: categories[category] };
    return must(await seller.call('POST', '/products', body), 201).data.id as string;
  };
  const quill = await list(mary, 2, { name: 'Goose quill', price: '3.50', stock: 40, description: 'Left wing.' });
  const initial = await list(mary, 0, { name: 'Illuminated initial', price: '1999.99', stock: 12, sku: 'INI-1' });
  const vellum = await list(mary, 0, { name: 'Vellum, uterine', price: '89.00', stock: 30, sku: 'VEL-1' });
  const ink = await list(sid, 1, { name: 'Iron gall ink', price: '12.40', stock: 20, description: 'Schwarz wie Ruß.' });
  const wax = await list(sid, 1, { name: 'Sealing wax', price: '0.05', stock: 3 });
  const map = await list(sid, 0, { name: 'Map of the abbey', price: '45.00', stock: 5 });
  must(await mary.call('PUT', `/products/${vellum}`, { price: '92.50' }), 200);
  must(await mary.call('PUT', `/products/${initial}`, { name: 'Illuminated initial “A”', description: '金箔' }), 200);
  must(await mary.call('PUT', `/products/${vellum}`, { sku: 'VEL-2' }), 200);
  must(await mary.call('PUT', `/products/${initial}`, { sku: 'vel-2' }), 409);
  must(await sid.call('PUT', `/products/${wax}`, { category_id: categories[2] }), 200);
  must(await sid.call('PUT', `/products/${vellum}`, { price: '1.00' }), 404);
  must(await sid.call('POST', `/products/${ink}/stock`, { change: -2, reason: 'spilt' }), 200);
  must(await admin.call('POST', `/products/${ink}/stock`, { change: 1, reason: 'counted again' }), 200);
  must(await sid.call('POST', `/products/${wax}/stock`, { change: -9, reason: 'melted' }), 409);
  return [quill, initial, vellum, ink, wax, map];
}

/** Changes a product's stock often enough for a snapshot of its state. */
export async function turnOver(seller: Caller, product: string): Promise<void> {
  for (let turn = 0; turn < STOCK_CHANGES; turn += 1) {
    const body = { change: turn % 2 === 0 ? 3 : -3, reason: 'in and out' };
    must(await seller.call('POST', `/products/${product}/stock`, body), 200);
  }
}

/** The actions of buyers and sellers on orders. Each one waits for its effect. */
function market(people: People, orders: Life['orders'], stores: Readonly<Record<string, Caller>>) {
  const orderOf = async (by: Name, id: string): Promise<Json> =>
    must(await people[by].call('GET', `/orders/${id}`), 200).data;
  const until = (by: Name, id: string, what: string, holds: (order: Json) => boolean): Promise<Json> =>
    eventually(
      `order ${id} is ${what}`,
      async () => {
        const order = await orderOf(by, id);
        return holds(order) ? order : undefined;
      },
      WAIT_MS,
    );
  const place = async (by: Name, body: Record<string, unknown>, headers?: Record<string, string>): Promise<string> => {
    const { id } = must(await people[by].call('POST', '/orders', body, headers), 201).data;
    orders.push({ id, by });
    return id as string;
  };
  const payment = (by: Name, id: string, status: string): Promise<Json> =>
    until(by, id, status, (order) => order.payment.status === status);
  return {
    place,
    payment,
    buy: async (by: Name, body: Record<string, unknown>): Promise<string> => {
      const id = await place(by, body);
      await payment(by, id, 'captured');
      return id;
    },
    /** Advances every seller's part of the order up to that step. */
    advance: async (by: Name, id: string, to: Step): Promise<void> => {
      for (const { store_id: store } of (await orderOf(by, id)).fulfilments as { store_id: string }[]) {
        for (const status of STEPS.slice(0, STEPS.indexOf(to) + 1)) {
          must(await stores[store]!.call('PUT', `/orders/${id}/status`, { status }), 200);
        }
      }
    },
    refunded: (by: Name, id: string, all: boolean): Promise<Json> =>
      until(by, id, 'refunded', ({ payment: { captured, refunded } }) =>
        all ? captured === refunded && refunded > 0 : refunded > 0,
      ),
    cancelled: (by: Name, id: string): Promise<Json> => until(by, id, 'cancelled', (o) => o.status === 'cancelled'),
  };
}

/** Opens a shop with stores, people, categories and products. Returns them with the actions of its market. */
export async function openShop(place: Place) {
  const admin = await signIn(place, ACCOUNTS.admin);
  const scriptorium = await openStore(place, 'mary', { name: 'The Scriptorium', description: 'Books, by hand.' });
  const inks = await openStore(place, 'sid', { name: 'Sid’s inks' }, { email: 'Sid.Gall@Shop.Example' });
  must(await inks.owner.call('PUT', `/stores/${inks.id}`, { description: 'Black, and blacker.' }), 200);
  const john = await register(place, 'john', { phone: '+44 20 0000 0001' });
  const una = await register(place, 'una');
  const paul = await bePeople(place, { una, john });
  const people: People = { admin, mary: scriptorium.owner, sid: inks.owner, john, una, paul };
  const categories = await makeCategories(people);
  const products = await makeProducts(people, categories);
  const orders: Life['orders'] = [];
  const stores = { [scriptorium.id]: people.mary, [inks.id]: people.sid };
  return { people, categories, products, stores: Object.keys(stores), orders, ...market(people, orders, stores) };
}

export type OpenShop = Awaited<ReturnType<typeof openShop>>;

export const line = (product: string | undefined, quantity: number) => ({ product_id: product, quantity });
export { ADDRESS };
