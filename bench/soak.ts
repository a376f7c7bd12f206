import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { dropTemplate, freshDatabase } from '../test/support/database.ts';
import { ROOT } from '../test/support/process.ts';
import { startServices } from '../test/support/services.ts';
import { must, serveShopApart, type Caller } from '../test/support/shop.ts';

/**
 * `npm run soak [-- --minutes 10] [--rate 200]`: loads a server with a steady mix of commands (carts, orders, prices, stock) on a
 * fixed schedule, and reads its resident memory every ten seconds. Prints the samples, the latency and the statuses.
 */
const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const MINUTES = argument('minutes', 10);
const RATE = argument('rate', 200);
const SAMPLE_EVERY_MS = 10_000;
const BUYERS = 100;
const PRODUCTS = 50;
const IN_FLIGHT_MAX = 500;

execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
if (process.env['BENCH_POSTGRES_URL']) process.env['TEST_POSTGRES_URL'] = process.env['BENCH_POSTGRES_URL'];
const services = await startServices({ programs: [] });
Object.assign(process.env, services.env);
const database = await freshDatabase();
const server = await serveShopApart(database.url, { PAYMENT_SANDBOX_DELAY: '50ms' }, 'build');
const { people, shop } = server;

const seller = await people.seller();
const category = await people.category();
const products = await Promise.all(
  Array.from({ length: PRODUCTS }, (_, index) =>
    people.product(seller, category, { name: `Product ${index}`, stock: 1_000_000 }),
  ),
);
const buyers: Caller[] = [];
while (buyers.length < BUYERS) buyers.push(...(await Promise.all(Array.from({ length: 10 }, () => people.buyer()))));

const pick = <T>(from: readonly T[], turn: number): T => from[turn % from.length]!;

/** Of ten commands: seven put something into a cart, two order, one changes a price or the stock. */
async function command(turn: number): Promise<number> {
  const buyer = pick(buyers, Math.floor(turn / 10) * 7 + turn);
  const product = pick(products, turn * 31);
  switch (turn % 10) {
    case 7:
    case 8: {
      const items = [{ product_id: product, quantity: 1 }];
      const headers = { 'idempotency-key': randomUUID() };
      return (await buyer.call('POST', '/orders', { shipping_address: 'Soak Street 1', items }, headers)).status;
    }
    case 9:
      return turn % 20 === 9
        ? (await seller.call('PUT', `/products/${product}`, { price: 5 + (turn % 90) })).status
        : (await seller.call('POST', `/products/${product}/stock`, { change: 1, reason: 'delivery' })).status;
    default:
      return turn % 100 === 0
        ? (await buyer.call('DELETE', '/cart')).status
        : (await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 })).status;
  }
}

async function residentMb(): Promise<number> {
  const text = await (await fetch(`${shop.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / 1024 / 1024;
}

const latencies: number[] = [];
const statuses = new Map<number, number>();
const samples: number[] = [];
const started = performance.now();
const endsAt = started + MINUTES * 60_000;
let inFlight = 0;
let turn = 0;
let late = 0;

const sampling = (async () => {
  while (performance.now() < endsAt) {
    await delay(SAMPLE_EVERY_MS);
    const mb = await residentMb();
    samples.push(mb);
    console.log(`${Math.round((performance.now() - started) / 1000)} s: ${mb.toFixed(0)} MB, ${turn} commands`);
  }
})();

while (performance.now() < endsAt) {
  const due = Math.floor(((performance.now() - started) / 1000) * RATE);
  while (turn < due) {
    if (inFlight >= IN_FLIGHT_MAX) {
      late += 1;
      break;
    }
    const began = performance.now();
    inFlight += 1;
    void command((turn += 1))
      .catch(() => 0)
      .then((status) => {
        inFlight -= 1;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        latencies.push(performance.now() - began);
      });
  }
  await delay(5);
}
await sampling;
latencies.sort((a, b) => a - b);
const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? NaN).toFixed(1);
const half = samples.slice(Math.floor(samples.length / 2));
console.log(`
${turn} commands in ${MINUTES} min (aim ${RATE}/s, held back ${late} times); statuses ${JSON.stringify([...statuses])}
latency ms: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(0.999_99)}
resident MB: first ${samples[0]?.toFixed(0)}, most ${Math.max(...samples).toFixed(0)}, second half ${Math.min(...half).toFixed(0)}–${Math.max(...half).toFixed(0)}, last ${samples.at(-1)?.toFixed(0)}`);
must(await seller.call('GET', '/users/me'), 200);
await server.process().end('SIGTERM');
await database.drop();
await dropTemplate();
await services.stop();
