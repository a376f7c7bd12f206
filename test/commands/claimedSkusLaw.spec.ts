import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { productDecider } from '../../src/aggregates/product.ts';
import { skuKey } from '../../src/aggregates/sku.ts';
import { LATER, ruleOf } from '../support/claiming.ts';
import { cutOffAfter } from '../support/memoryShop.ts';
import { inAnyOrder } from '../support/memoryStore.ts';
import { RUNS } from '../support/properties.ts';
import { blind, openSkuShop, type SkuShop } from '../support/skuShop.ts';

/** The first two are the same SKU. */
const SKUS = ['Pen-1', 'PEN-1', 'Ink-2'];
/** After the deadline of every claim that was made at `LATER`. */
const AT_LAST = '2026-03-01T12:30:00.000Z';
const NEVER = 1_000;

/** One command about one of the seller's two products, or the listing of another one. */
interface Step {
  readonly what: 'list' | 'rename' | 'remove';
  readonly product: number;
  /** A SKU, or none. */
  readonly sku: number | null;
  readonly later: boolean;
  readonly ifMatch: bigint | null;
  /** Steps of one name are the same command, sent again. */
  readonly name: number;
  /** The process is killed after so many appends. */
  readonly appends: number;
}

const steps = fc.array(
  fc.record<Step>({
    what: fc.oneof(
      { arbitrary: fc.constantFrom('list' as const, 'rename' as const), weight: 4 },
      { arbitrary: fc.constant('remove' as const), weight: 1 },
    ),
    product: fc.nat(1),
    sku: fc.option(fc.nat(SKUS.length - 1), { freq: 5 }),
    later: fc.boolean(),
    ifMatch: fc.option(fc.bigInt(0n, 2n), { freq: 2 }),
    name: fc.nat(2),
    appends: fc.oneof(fc.constant(NEVER), fc.nat(4)),
  }),
  { minLength: 2, maxLength: 5 },
);

/** The products of the store that say on their own stream that they have a SKU, by its key. */
async function users({ shop }: SkuShop): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const listed = (await shop.log()).filter(({ type }) => type === 'ProductListed');
  for (const { stream } of listed) {
    const id = stream.slice('product-'.length);
    const state = await shop.fromLog(productDecider, id);
    if (state.status !== 'listed' || state.sku === null) continue;
    const key = skuKey(state.sku);
    found.set(key, [...(found.get(key) ?? []), id]);
  }
  return found;
}

/** Plays the steps at once, each in a process of its own that sees no read model: only claims tell what is taken. */
async function play(scheduler: fc.Scheduler, script: readonly Step[]): Promise<void> {
  const pens = await openSkuShop();
  const products = [await pens.list('Pen-1'), await pens.list(undefined)];
  const ids = script.map(() => randomUUID());
  const asked = script.map(({ what, product, sku, later, ifMatch, name, appends }) => {
    const same = script.findIndex(
      (other) => other.name === name && other.what === what && other.product === product && other.sku === sku,
    );
    const how = {
      id: ids[same]!,
      services: blind(pens.shop.another(cutOffAfter(appends, inAnyOrder(scheduler, pens.shop.store)))),
      ...(later ? { now: LATER } : {}),
      ...(ifMatch === null ? {} : { ifMatch }),
    };
    const wanted = sku === null ? null : SKUS[sku]!;
    const id = products[product]!;
    const work = { list: () => pens.list(wanted ?? undefined, how), rename: () => pens.rename(id, wanted, how) };
    const asking: Promise<unknown> = what === 'remove' ? pens.remove(id, how) : work[what]();
    return asking.catch(() => undefined);
  });
  await scheduler.waitFor(Promise.all(asked));

  const used = await users(pens);
  for (const [key, holders] of used) expect(holders, `products with ${key}`).to.have.length(1);
  for (const sku of ['pen-1', 'ink-2']) {
    const how = { now: AT_LAST, services: blind(pens.shop.another()) };
    const rule = await ruleOf(pens.list(sku, how));
    expect(rule, `the answer to a newcomer with ${sku}`).to.equal(used.has(sku) ? 'SkuTaken' : 'none');
  }
}

describe('claimed SKUs, whatever the order of their steps, with kills, repeats and stale commands', () => {
  it('have one product that uses them, and are free when none does', async function () {
    this.timeout(60_000);
    await fc.assert(fc.asyncProperty(fc.scheduler(), steps, play), { ...RUNS, numRuns: 150 });
  });
});
