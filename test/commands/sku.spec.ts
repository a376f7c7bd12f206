import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isRefusal } from '../../src/errors.ts';
import { LATER, ruleOf } from '../support/claiming.ts';
import { type Circumstances, cutOffAfter, haltedBefore, seller } from '../support/memoryShop.ts';
import { rejection } from '../support/rejection.ts';
import { blind, openSkuShop, type SkuShop } from '../support/skuShop.ts';

const SAME_TO_PEOPLE = ['pen é', ' PEN É  ', 'Pen  é', 'ＰＥＮ　É', 'Pen\u200b E\u0301', 'pen\té'];

/** Sends a command that is killed after so many appends. */
async function killed(asked: Promise<unknown>): Promise<void> {
  expect((await rejection(asked)).message).to.equal('cut off');
}
const cut = ({ shop }: SkuShop, appends: number): Circumstances => ({
  services: blind(shop.another(cutOffAfter(appends, shop.store))),
});

describe('a SKU', () => {
  let pens: SkuShop;
  beforeEach(async () => {
    pens = await openSkuShop();
  });

  it('is refused for a second product of the store, however it is written', async () => {
    await pens.list('Pen é');
    for (const sku of SAME_TO_PEOPLE) {
      const error = await rejection(pens.list(sku));
      expect(isRefusal(error) && [error.rule, error.kind, error.errors[0]?.field], sku).to.deep.equal([
        ...['SkuTaken', 'rejected', 'sku'],
      ]);
    }
    await pens.list('Pen e');
  });

  it('is refused before anything of the second product is recorded', async () => {
    await pens.list('P-1');
    const { length } = await pens.shop.log();
    expect(await ruleOf(pens.list('P-1'))).to.equal('SkuTaken');
    expect(await pens.shop.log()).to.have.length(length);
  });

  it('is free in another store, and products without one do not clash', async () => {
    await pens.list('P-1');
    await pens.list('P-1', {}, seller());
    await pens.list(undefined);
    await pens.list(undefined);
  });

  it('is stored as it is compared: without outer spaces and what nobody sees', async () => {
    expect(await pens.skuOf(await pens.list(' \u200bPen  E\u0301 '))).to.equal('Pen É');
    expect(await ruleOf(pens.list(` ${'x'.repeat(64)}`))).to.equal('none');
    expect(await ruleOf(pens.list('x'.repeat(65)))).to.equal('InvalidInput');
  });

  it('goes to one of two products that are listed at once by two processes', async () => {
    const asked = Array.from({ length: 5 }, () => ruleOf(pens.list('P-1', { services: blind(pens.shop.another()) })));
    expect((await Promise.all(asked)).toSorted()).to.deep.equal([
      'SkuTaken',
      'SkuTaken',
      'SkuTaken',
      'SkuTaken',
      'none',
    ]);
  });

  it('can be changed, given and taken away; the former one is free at once', async () => {
    const id = await pens.list('P-1');
    expect(await pens.rename(id, 'P-2')).to.include({ sku: 'P-2' });
    expect(await ruleOf(pens.list('P-2'))).to.equal('SkuTaken');
    const other = await pens.list('P-1');
    expect(await pens.rename(id, null)).to.include({ sku: null });
    expect(await pens.rename(other, 'P-2')).to.include({ sku: 'P-2' });
    expect(await pens.rename(id, 'P-1')).to.include({ sku: 'P-1' });
  });

  it('is not changed to that of another product, and nothing else of that change happens', async () => {
    await pens.list('P-1');
    const id = await pens.list('P-2');
    expect(await ruleOf(pens.change(id, { sku: 'p-1', name: 'New' }))).to.equal('SkuTaken');
    expect(await pens.change(id, { description: 'Grey' })).to.include({ sku: 'P-2', name: 'Quill' });
  });

  it('changes its spelling, and stays taken', async () => {
    const id = await pens.list('p-1');
    expect(await pens.rename(id, 'P-1')).to.include({ sku: 'P-1' });
    expect(await ruleOf(pens.list('p-1'))).to.equal('SkuTaken');
  });

  it('goes to one of two products that change to it at once', async () => {
    const [one, other] = [await pens.list('P-1'), await pens.list('P-2')];
    const asked = [one, other].map((id) => ruleOf(pens.rename(id, 'P-3', { services: blind(pens.shop.another()) })));
    expect((await Promise.all(asked)).toSorted()).to.deep.equal(['SkuTaken', 'none']);
    const free = (await pens.skuOf(one)) === 'P-3' ? 'P-1' : 'P-2';
    await pens.list(free);
  });

  it('is free once its product is deleted, and the same again', async () => {
    await pens.remove(await pens.list('P-1'));
    await pens.remove(await pens.list('P-1'));
    await pens.list('P-1');
  });

  it('cannot be given to a product of somebody else, nor claimed by trying', async () => {
    const id = await pens.list('P-1', {}, seller());
    expect(await ruleOf(pens.rename(id, 'P-2'))).to.equal('ProductUnknown');
    expect(await ruleOf(pens.rename(randomUUID(), 'P-2'))).to.equal('ProductUnknown');
    await pens.list('P-2');
  });

  it('that a command refused by If-Match asked for is free at once', async () => {
    const id = await pens.list('P-1');
    expect(await ruleOf(pens.rename(id, 'P-2', { ifMatch: 9n }))).to.equal('StaleRevision');
    await pens.list('P-2');
    expect(await ruleOf(pens.rename(id, 'P-3', { ifMatch: 0n }))).to.equal('none');
  });

  it('that a change asked for is free at once when the product was deleted meanwhile', async () => {
    const id = await pens.list('P-1');
    const { store, halted, goOn } = haltedBefore(2, pens.shop.store);
    const asked = ruleOf(pens.rename(id, 'P-2', { services: pens.shop.another(store) }));
    await halted;
    await pens.remove(id);
    goOn();
    expect(await asked).to.equal('ProductUnknown');
    await pens.list('P-1');
    await pens.list('P-2');
  });
});

describe('a SKU whose command was killed between claim and use', () => {
  it('B17 (4): is free after its deadline, and the product that was to have it is not listed any more', async () => {
    const pens = await openSkuShop();
    const id = randomUUID();
    await killed(pens.list('P-1', { id, ...cut(pens, 2) }));
    expect(await ruleOf(pens.list('P-1')), 'at once').to.equal('SkuTaken');
    await pens.list('P-1', { now: LATER });
    expect(await ruleOf(pens.list('P-1', { id }))).to.equal('ProductExpired');
  });

  it('B17 (4): is used by the same command when it is sent again in time', async () => {
    const pens = await openSkuShop();
    const id = randomUUID();
    await killed(pens.list('P-1', { id, ...cut(pens, 1) }));
    const product = await pens.list('P-1', { id });
    expect(await pens.skuOf(product)).to.equal('P-1');
    expect(await pens.list('P-1', { id }), 'the same again').to.equal(product);
  });

  it('is free after its deadline though its product lives, which can be changed at the tag that is shown', async () => {
    const pens = await openSkuShop();
    const id = await pens.list('P-1');
    await killed(pens.rename(id, 'P-2', cut(pens, 1)));
    expect(await ruleOf(pens.list('P-2')), 'at once').to.equal('SkuTaken');
    await pens.list('P-2', { now: LATER });
    const fence = (await pens.shop.log()).find(({ type }) => type === 'ProductClaimAbandoned');
    await pens.rename(id, 'P-3', { ifMatch: fence!.revision });
  });

  it('is not used by a slow command after another product has taken it over', async () => {
    const pens = await openSkuShop();
    const id = await pens.list('P-1');
    const { store, halted, goOn } = haltedBefore(2, pens.shop.store);
    const asked = ruleOf(pens.rename(id, 'P-2', { services: pens.shop.another(store) }));
    await halted;
    await pens.list('P-2', { now: LATER });
    goOn();
    expect(await asked).to.equal('SkuTaken');
    expect(await pens.skuOf(id)).to.equal('P-1');
  });

  it('and before the former one was given back frees that after its deadline', async () => {
    const pens = await openSkuShop();
    const id = await pens.list('P-1');
    await killed(pens.rename(id, 'P-2', cut(pens, 2)));
    expect(await pens.skuOf(id)).to.equal('P-2');
    await pens.list('P-1', { now: LATER });
    expect(await ruleOf(pens.list('P-2', { now: LATER }))).to.equal('SkuTaken');
  });
});

describe('a repeated command about a SKU', () => {
  it('answers as before, and takes back nothing that others have by now', async () => {
    const pens = await openSkuShop();
    const [listing, renaming] = [randomUUID(), randomUUID()];
    const id = await pens.list('P-1', { id: listing });
    await pens.rename(id, 'P-2', { id: renaming });
    const other = await pens.list('P-1');
    expect(await pens.list('P-1', { id: listing })).to.equal(id);
    expect(await pens.rename(id, 'P-2', { id: renaming })).to.include({ sku: 'P-2' });
    await pens.remove(id);
    await pens.list('P-2');
    expect(await pens.list('P-1', { id: listing })).to.equal(id);
    expect(await pens.rename(id, 'P-2', { id: renaming })).to.include({ sku: 'P-2' });
    expect([await pens.skuOf(id), await pens.skuOf(other)]).to.deep.equal([undefined, 'P-1']);
    for (const sku of ['P-1', 'P-2']) expect(await ruleOf(pens.list(sku))).to.equal('SkuTaken');
  });

  it('does not free a SKU that its product has got again', async () => {
    const pens = await openSkuShop();
    const renaming = randomUUID();
    const id = await pens.list('P-1');
    await pens.rename(id, 'P-2', { id: renaming });
    await pens.rename(id, 'P-1');
    await pens.rename(id, 'P-2', { id: renaming });
    expect(await ruleOf(pens.list('P-1'))).to.equal('SkuTaken');
    await pens.list('P-2');
  });
});

describe('a SKU of a product of an earlier version, which has no claim', () => {
  it('is taken until the product gets another or is deleted', async () => {
    const pens = await openSkuShop();
    const [one, other] = [await pens.listedEarlier('P-1'), await pens.listedEarlier('P-2')];
    const mine = await pens.list('P-3');
    for (const sku of ['p-1', 'P-2']) {
      expect(await ruleOf(pens.list(sku))).to.equal('SkuTaken');
      expect(await ruleOf(pens.rename(mine, sku))).to.equal('SkuTaken');
    }
    await pens.rename(one, 'P-4');
    await pens.remove(other);
    await pens.list('P-1');
    await pens.list('P-2');
    expect(await ruleOf(pens.list('P-4'))).to.equal('SkuTaken');
  });

  it('may be that of two: both can be changed in all else, keep it or leave it, and it is taken while one has it', async () => {
    const pens = await openSkuShop();
    const [one, other] = [await pens.listedEarlier('P-1'), await pens.listedEarlier('P-1')];
    await pens.change(one, { name: 'One', sku: 'P-1' });
    await pens.change(other, { name: 'Other', sku: 'p-1', price: '2.00' });
    expect(await ruleOf(pens.list('P-1'))).to.equal('SkuTaken');
    await pens.rename(one, 'P-2');
    expect(await ruleOf(pens.rename(one, 'P-1')), 'back').to.equal('SkuTaken');
    expect(await ruleOf(pens.list('P-1'))).to.equal('SkuTaken');
    await pens.remove(other);
    await pens.list('P-1');
  });
});
