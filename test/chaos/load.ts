import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { must, peopleOf } from '../support/shop.ts';
import type { Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import { createRandom, type Random } from './random.ts';

const BUYERS = 10;
const SELLERS = 2;
/** Stock of each seller. The first one's runs out, so that overselling is possible. */
const STOCKS = [25, 5_000, 5_000];
const PAUSE_MS = 600;
const TO = { shipping_address: '1 Abbey Road, London' };
const PASSWORD = 'correct horse battery';

interface Person {
  readonly id: string;
  readonly token: string;
}

interface Buyer extends Person {
  readonly orders: { readonly id: string; readonly declined: boolean }[];
}

export interface Goods {
  readonly products: readonly string[];
  readonly sellers: readonly Person[];
  readonly buyers: readonly Buyer[];
}

async function join(client: Client, name: string): Promise<Person & { email: string }> {
  const email = `${name}-${randomUUID()}@example.com`;
  const body = { email, password: PASSWORD, name };
  const who = email;
  must(await client.command({ what: 'register', who, method: 'POST', path: '/auth/register', body }), 201);
  return { ...(await enter(client, email)), email };
}

async function enter(client: Client, email: string): Promise<Person> {
  const body = { email, password: PASSWORD };
  const answer = await client.query({ what: 'log in', who: email, method: 'POST', path: '/auth/login', body });
  const { user, access_token: token } = must(answer, 200).data;
  return { id: user.id, token };
}

/** Creates people and goods, before the first fault. */
export async function stockShop(fleet: Fleet, client: Client): Promise<Goods> {
  const shop = { url: fleet.of('http')[0]!.process.url, databaseUrl: fleet.databaseUrl };
  const category = await peopleOf(shop).category();
  const sellers: Person[] = [];
  const products: string[] = [];
  for (let n = 0; n < SELLERS; n += 1) {
    const { id, token, email } = await join(client, 'seller');
    must(
      await client.command({
        what: 'open a store',
        who: id,
        method: 'POST',
        path: '/stores',
        token,
        body: { name: `Store ${n}` },
      }),
      201,
    );
    const seller = await enter(client, email);
    sellers.push(seller);
    for (const stock of STOCKS) {
      const body = { name: `Charter ${products.length}`, price: '10.00', stock, category_id: category };
      const listing = { what: 'list a product', who: id, method: 'POST', path: '/products', token: seller.token, body };
      products.push(must(await client.command(listing), 201).data.id);
    }
  }
  const buyers: Buyer[] = [];
  for (let n = 0; n < BUYERS; n += 1) buyers.push({ ...(await join(client, 'buyer')), orders: [] });
  return { products, sellers, buyers };
}

type Step = (buyer: Buyer, random: Random) => Promise<void>;

/** The steps of buyers: browse, fill the cart, check out, pay again, change their mind. */
function stepsOf(client: Client, { products }: Goods): readonly Step[] {
  const order = async (buyer: Buyer, body: object, declined: boolean): Promise<void> => {
    const { id: who, token } = buyer;
    const answer = await client.command({ what: 'order', who, method: 'POST', path: '/orders', token, body });
    if (answer.status !== 201) return;
    const { id } = answer.data;
    buyer.orders.push({ id, declined });
    const position = answer.headers.get('event-position') ?? '';
    const seen = await client.query(
      { what: 'see my order', who, method: 'GET', path: `/orders/${id}`, token },
      { 'min-position': position },
    );
    if (seen.status !== 200)
      client.violations.push(`order ${id} was acknowledged, and then ${seen.status}: ${seen.text}`);
  };
  const browse: Step = async ({ id: who }, random) => {
    const path = random.chance(0.5) ? '/products?per_page=5' : `/products/${random.pick(products)}`;
    const { status, text } = await client.query({ what: 'browse', who, method: 'GET', path });
    if (status !== 200) client.violations.push(`${path} is there, and was answered ${status}: ${text}`);
  };
  const checkOut: Step = async (buyer, random) => {
    const body = { product_id: random.pick(products), quantity: 1 + random.below(2) };
    const { id: who, token } = buyer;
    await client.command({ what: 'add to cart', who, method: 'POST', path: '/cart/items', token, body });
    await order(buyer, TO, false);
  };
  const buyAtOnce: Step = async (buyer, random) => {
    const items = [{ product_id: random.pick(products), quantity: 1 }];
    const declined = random.chance(0.2);
    await order(buyer, { ...TO, items, ...(declined ? { payment_method: 'sandbox_decline' } : {}) }, declined);
  };
  const cancel: Step = async ({ id: who, token, orders }, random) => {
    if (orders.length === 0) return;
    const path = `/orders/${random.pick(orders).id}/cancel`;
    await client.command({ what: 'cancel', who, method: 'PUT', path, token, body: {} });
  };
  const payAgain: Step = async ({ id: who, token, orders }, random) => {
    const declined = orders.filter((one) => one.declined);
    if (declined.length === 0) return;
    const body = { order_id: random.pick(declined).id, method: 'sandbox' };
    await client.command({ what: 'pay again', who, method: 'POST', path: '/payments', token, body });
  };
  return [browse, browse, checkOut, checkOut, checkOut, buyAtOnce, buyAtOnce, cancel, payAgain];
}

async function sell(client: Client, { id: who, token }: Person, random: Random): Promise<void> {
  const found = await client.query({ what: 'my sales', who, method: 'GET', path: '/seller/orders?per_page=20', token });
  if (found.status !== 200) return;
  const open = (found.data as { id: string; status: string }[]).filter(({ status }) => status in NEXT);
  if (open.length === 0) return;
  const { id, status } = random.pick(open);
  await client.command({
    ...{ what: 'move an order on', who, method: 'PUT', path: `/orders/${id}/status`, token },
    body: { status: NEXT[status] },
  });
}
const NEXT: Readonly<Record<string, string>> = {
  paid: 'processing',
  processing: 'shipping',
  shipping: 'shipped',
  shipped: 'completed',
};

/** Runs the load mix, about twenty requests a second, until stopped. Then waits until every running command is answered. */
export function keepBusy(client: Client, goods: Goods, seed: number): { stop(): Promise<void> } {
  const steps = stepsOf(client, goods);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const repeat = async (random: Random, work: () => Promise<unknown>): Promise<void> => {
    while (!ending.signal.aborted) {
      await work();
      await delay(random.below(PAUSE_MS), undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const loops = [
    ...goods.buyers.map((buyer, index) => {
      const random = createRandom(seed + index + 1);
      return repeat(random, () => random.pick(steps)(buyer, random));
    }),
    ...goods.sellers.map((seller, index) => {
      const random = createRandom(seed + 1_000 + index);
      return repeat(random, () => sell(client, seller, random));
    }),
    repeat(createRandom(seed + 2_000), () => join(client, 'newcomer')),
  ];
  const running = Promise.all(loops);
  running.catch(() => ending.abort());
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}
