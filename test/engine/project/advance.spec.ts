import { createAdvance } from '../../../src/engine/project/advance.ts';
import { eventually } from '../../support/eventually.ts';

describe('a read model', () => {
  const own = new Map<string, bigint>();
  const others = new Map<string, bigint>();
  let head = 0n;
  const names = ['products', 'orders'];
  const advance = createAdvance({
    progress: { own: () => own, others: () => Promise.resolve(others) },
    store: { head: () => Promise.resolve({ epoch: 'e', position: head }) },
    ...{ names, stillMs: 50, lookMs: 5 },
  });
  const still = async (): Promise<string[]> => {
    const found = await Promise.allSettled(names.map((name) => advance.check(name)));
    return names.filter((_, index) => found[index]!.status === 'rejected');
  };
  before(() => advance.start());
  after(() => advance.stop());

  it('that stands still behind the log is named, whichever process projects it, until it moves', async () => {
    own.set('products', 7n);
    others.set('orders', 7n);
    head = 8n;
    await eventually('both are named', async () => (await still()).length === 2);
    own.set('products', 8n);
    await eventually('one is named', async () => (await still()).join() === 'orders');
    others.set('orders', 8n);
    await eventually('none is named', async () => (await still()).length === 0);
  });

  it('that has been behind for a moment only does not stand still', async () => {
    const patient = createAdvance({
      progress: { own: () => own, others: () => Promise.resolve(others) },
      store: { head: () => Promise.resolve({ epoch: 'e', position: 1_000_000n }) },
      ...{ names, stillMs: 3_600_000, lookMs: 5 },
    });
    patient.start();
    await patient.stop();
    await Promise.all(names.map((name) => patient.check(name)));
  });
});
