import { Option, type Command } from 'commander';
import type { Actor } from '../engine/decide/context.ts';
import type { Shop } from '../compose/shop.ts';
import { onShop, type ShopCommand } from './onShop.ts';
import { count, createProgressBar, duration } from './progressBar.ts';
import { followUp, watchPayments, type Placed } from './seedOrders.ts';
import { planShop, SCALES, type OrderPlan, type Plan, type Scale } from './seedPlan.ts';
import { eachOf, placeOrder, someone, stockShop, type Made, type Seeding, type Stocked } from './seedShop.ts';
import { bold, pairs } from './text.ts';
import { whole } from './values.ts';
import { startWorkers } from './workers.ts';

const SEED_DEFAULT = 1;
const SEED_MAX = 999_999;
/** How long handlers and read models may take to catch up once all commands are done, ms. */
const CATCH_UP_MAX_MS = 120_000;
const BUYERS_AT_ONCE = 16;
const PASSWORD_LENGTH = 16;

interface Options {
  readonly seed: number;
  readonly scale: Scale;
}

/** Unpredictable without the master key, but the same when an interrupted seeding is continued. */
const passwordOf = ({ services }: Shop, seed: number): string =>
  Buffer.from(services.personalData.blindIndex('seed password', String(seed)), 'hex')
    .toString('base64url')
    .slice(0, PASSWORD_LENGTH);

/** Serves buyers concurrently, but each buyer's orders in sequence: they share a cart. Placed orders are followed up concurrently. */
async function serveBuyers(seeding: Seeding, stocked: Stocked, after: bigint): Promise<readonly string[]> {
  const { plan, shop } = seeding;
  const watch = watchPayments(shop.store, after);
  const orders = new Map<number, OrderPlan[]>();
  for (const order of plan.orders) orders.set(order.buyer, [...(orders.get(order.buyer) ?? []), order]);
  const ids: string[] = [];
  const settling: Promise<void>[] = [];
  const settle = (placed: Placed): Promise<void> => {
    const done = followUp(seeding, stocked, watch, placed).then(seeding.step);
    done.catch(() => undefined);
    return done;
  };
  try {
    await eachOf(
      plan.buyers,
      async (person, at) => {
        const buyer: Actor = await someone(seeding, person, 'buyer');
        for (const order of orders.get(at) ?? []) {
          const id = await placeOrder(seeding, order, buyer, stocked.productIds);
          seeding.step();
          if (id === undefined) {
            seeding.step();
            continue;
          }
          ids.push(id);
          settling.push(settle({ plan: order, id, buyer }));
        }
      },
      BUYERS_AT_ONCE,
    );
    await Promise.all(settling);
    return ids;
  } finally {
    await watch.stop();
  }
}

const stepsOf = ({ stores, categories, products, buyers, orders }: Plan): number =>
  1 + 2 * stores.length + categories.length + products.length + buyers.length + 2 * orders.length;

async function statuses({ db }: Shop, ids: readonly string[]): Promise<string> {
  const rows = await db.rows<{ status: string; orders: number }>(
    `SELECT status, count(*)::int AS orders FROM orders WHERE id = ANY($1::uuid[]) GROUP BY status ORDER BY orders DESC`,
    [ids],
  );
  return rows.map(({ status, orders }) => `${count(orders)} ${status}`).join(', ');
}

const told = (made: Made): string =>
  Object.entries(made)
    .filter(([, number]) => (number as number) > 0)
    .map(([what, number]) => `${count(number as number)} ${what}`)
    .join(', ');

async function seedShop({ shop, config, log }: ShopCommand, { seed, scale }: Options): Promise<void> {
  const plan = planShop(seed, scale);
  const bar = createProgressBar({ label: 'seed', unit: 'steps', total: stepsOf(plan) });
  const beganAt = performance.now();
  const made: Made = { users: 0, stores: 0, categories: 0, products: 0, orders: 0 };
  let steps = 0;
  const step = (): void => bar.update((steps += 1));
  const seeding: Seeding = { shop, seed, plan, password: passwordOf(shop, seed), made, step };
  const { position } = await shop.store.head();
  const workers = await startWorkers(shop, config, log);
  let ids: readonly string[];
  let complete: boolean;
  try {
    const stocked = await stockShop(seeding);
    ids = await serveBuyers(seeding, stocked, position);
    complete = await workers.caughtUp(CATCH_UP_MAX_MS);
  } finally {
    bar.stop();
    await workers.stop();
  }
  const added = told(made);
  const took = duration((performance.now() - beganAt) / 1_000);
  const which = `Seed ${seed} (${scale})`;
  console.log(
    added === '' ? `${which} was there already: nothing was added.` : `${bold(which)}: added ${added} in ${took}.`,
  );
  console.log(`orders: ${await statuses(shop, ids)}`);
  if (!complete) console.log('Handlers or read models have not seen all of it yet: the next server goes on with it.');
  console.log(`\nLog in with the password ${bold(seeding.password)} as`);
  const logins = [
    ['admin', plan.admin.email],
    ['seller', plan.stores[0]!.owner.email],
    ['buyer', plan.buyers[0]!.email],
  ] as const;
  console.log(pairs(logins, '  '));
}

export function register(program: Command): void {
  const { stores, products, buyers, orders } = SCALES.full;
  program
    .command('seed')
    .description('fill the shop with believable stores, products, buyers and orders; again, it adds nothing')
    .option('--seed <n>', 'another number makes another shop', whole(0, SEED_MAX), SEED_DEFAULT)
    .addOption(
      new Option(
        '--scale <scale>',
        `full is ${stores} stores, ${products} products, ${buyers} buyers, ${count(orders)} orders`,
      )
        .choices(Object.keys(SCALES))
        .default('full'),
    )
    .action((options: Options) => onShop((command) => seedShop(command, options), { makesShop: true }));
}
