import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { complete, upcasting } from '../../../src/eventstore/upcast.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { isNewerVersion } from '../../../src/eventstore/newer.ts';
import { rebuild } from '../../../src/engine/rebuild/rebuild.ts';
import type { Projection } from '../../../src/engine/project/projection.ts';
import { eventually } from '../../support/eventually.ts';
import { type AccountRow, accounts, asAny, bank, event, silent, type Bank } from './example.ts';

const OLD_TYPES = ['Opened', 'Deposited', 'Withdrawn', 'Transferred', 'Closed', 'Ignored'];

/** The projection of the newer version: a bonus is paid into the account. */
const withBonus: Projection<AccountRow> = {
  ...accounts,
  on: { ...accounts.on, BonusPaid: accounts.on.Deposited! },
};

describe('A projector that meets an event of a newer version', () => {
  let shop: Bank;
  let raw: EventStore;
  let older: EventStore;
  let newer: EventStore;
  beforeEach(async () => {
    shop = await bank();
    raw = await createPostgresEventStore({ url: shop.url });
    older = upcasting(raw, complete({}, OLD_TYPES));
    newer = upcasting(raw, complete({}, [...OLD_TYPES, 'BonusPaid']));
    shop.undo.push(() => raw.close());
  });
  afterEach(() => shop.close());

  const balance = async (): Promise<unknown> => (await shop.rows())[0]?.['balance'];

  it('stops before it, says which it is, and lets a projector that knows it take over', async () => {
    const old = shop.projector({ store: older });
    await old.start();
    const id = randomUUID();
    const deposited = await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 5 }));
    await eventually('the older one has the read model', async () => (await balance()) === 5);
    await shop.append(id, event('BonusPaid', { amount: 2 }), event('Deposited', { amount: 1 }));
    await eventually('it says why it stops', async () => {
      const [status] = await old.status();
      return status?.lastError?.includes('BonusPaid');
    });
    expect(await shop.checkpoint()).to.equal(deposited);
    expect(await balance()).to.equal(5);
    const { progress, ...young } = shop.projector({ store: newer, projections: [asAny(withBonus)] });
    await young.start();
    const { position } = await raw.head();
    expect(await progress.waitFor(['accounts'], position, 5_000), 'taken over').to.equal(true);
    expect(await balance()).to.equal(8);
  });

  it('goes past it where that is told', async () => {
    const old = shop.projector({ store: upcasting(raw, complete({}, OLD_TYPES), { pass: true }) });
    await old.start();
    const id = randomUUID();
    await shop.append(id, event('Opened', { owner: 'Ada' }), event('BonusPaid', { amount: 2 }));
    const last = await shop.append(id, event('Deposited', { amount: 1 }));
    expect(await old.progress.waitFor(['accounts'], last, 5_000)).to.equal(true);
    expect(await balance()).to.equal(1);
  });

  it('rebuilds nothing: the table stays as it was', async () => {
    const id = randomUUID();
    const young = shop.projector({ store: newer, projections: [asAny(withBonus)] });
    await young.start();
    const last = await shop.append(id, event('Opened', { owner: 'Ada' }), event('BonusPaid', { amount: 2 }));
    expect(await young.progress.waitFor(['accounts'], last, 5_000)).to.equal(true);
    const options = { url: shop.url, store: older, projection: asAny(accounts), log: silent };
    const refused = await rebuild(options).catch((error: unknown) => error);
    expect(isNewerVersion(refused), String(refused)).to.equal(true);
    expect(await balance()).to.equal(2);
  });
});
