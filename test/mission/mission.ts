import { randomUUID } from 'node:crypto';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, request, serveShop, type Answer, type Caller, type People, type Served } from '../support/shop.ts';

// The specs of this folder show that each row of docs/reference/features.md works. A test's title begins with the ids of its rows:
// `it('CAT-01, EP-07: …')`. A test sends the request that the row promises and asserts its effect, not that a route exists.
//
// All specs of this folder share one shop, because a shop takes seconds to start. A test therefore makes its own people and products,
// and expects nothing of totals or of lists that others fill. A row about a setting starts a shop of its own with `serveShop`.

const START_TIMEOUT_MS = 60_000;

export interface Mission {
  readonly url: string;
  readonly databaseUrl: string;
  readonly people: People;
  /** A new seller, and a product of theirs that costs 10.00, ten pieces of it. */
  offer(fields?: Record<string, unknown>): Promise<Offer>;
  /** A category, the same for all specs. */
  category(): Promise<string>;
  /** An administrator, the same for all specs. A test that changes what an administrator is makes its own. */
  admin(): Promise<Caller>;
  /** A request without a token. `path` is below /api/v1. */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Buys, and waits until the order is paid. Returns the order's id. */
  buy(buyer: Caller, productId: string, quantity?: number): Promise<string>;
  /** Waits until the check is true. */
  until(what: string, check: () => Promise<boolean>): Promise<unknown>;
  /** Takes a paid order through all steps of its seller. */
  ship(seller: Caller, orderId: string): Promise<void>;
}

export interface Offer {
  readonly seller: Caller & { readonly storeId: string };
  readonly productId: string;
}

let opened: Promise<{ database: TestDatabase; shop: Served; mission: Mission }> | undefined;

const ADDRESS = { shipping_address: '1 Abbey Road, London' };

function missionOf({ url, databaseUrl, people }: Served): Mission {
  let category: Promise<string> | undefined;
  let admin: Promise<Caller> | undefined;
  const oneAdmin = (): Promise<Caller> => (admin ??= people.admin());
  const oneCategory = (): Promise<string> =>
    (category ??= oneAdmin().then(async (caller) => {
      const made = await caller.call('POST', '/categories', { name: `Mission ${randomUUID()}` });
      return must(made, 201).data.id;
    }));
  return {
    url,
    databaseUrl,
    people,
    category: oneCategory,
    admin: oneAdmin,
    async offer(fields = {}) {
      const seller = await people.seller();
      return { seller, productId: await people.product(seller, await oneCategory(), fields) };
    },
    ask: (method, path, body) => request(url, method, path, { body }),
    async buy(buyer, productId, quantity = 1) {
      const items = [{ product_id: productId, quantity }];
      const { id } = must(await buyer.call('POST', '/orders', { ...ADDRESS, items }), 201).data;
      await people.untilOrder(buyer, id, 'paid');
      return id;
    },
    until: (what, check) => eventually(what, check),
    async ship(seller, orderId) {
      for (const status of ['processing', 'shipping', 'shipped']) {
        must(await seller.call('PUT', `/orders/${orderId}/status`, { status }), 200);
      }
    },
  };
}

async function open() {
  const database = await freshDatabase();
  const shop = await serveShop(database.url);
  return { database, shop, mission: missionOf(shop) };
}

/** Before the tests of a suite, hands over the shop that all specs of this folder share. */
export function onMission(use: (mission: Mission) => void): void {
  before(async function () {
    this.timeout(START_TIMEOUT_MS);
    opened ??= open();
    use((await opened).mission);
  });
}

// Outside a suite: it runs once, after all specs of the process.
after(async function () {
  this.timeout(START_TIMEOUT_MS);
  if (opened === undefined) return;
  const { shop, database } = await opened;
  await shop.stop();
  await database.drop();
});
