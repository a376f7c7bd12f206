import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  listDeadLetters,
  requestRetry,
  requestSkip,
  showDeadLetter,
} from '../../../src/engine/follow/deadLetterRequests.ts';
import { type DeadLetter } from '../../../src/engine/follow/deadLetters.ts';
import type { NewEvent } from '../../../src/eventstore/eventStore.ts';
import { eventually } from '../../support/eventually.ts';
import { accounts, asAny, bank, event, folded, type AccountRow, type Bank } from '../project/example.ts';

describe('An event that a projection cannot apply', () => {
  let shop: Bank;
  let id: string;
  let other: string;
  beforeEach(async () => {
    shop = await bank();
    [id, other] = [randomUUID(), randomUUID()];
  });
  afterEach(() => shop.close());

  const letters = (): Promise<DeadLetter[]> => listDeadLetters(shop.pool, { consumer: 'projection:accounts' });
  const statuses = async (): Promise<string[]> => (await letters()).map(({ type, status }) => `${type} ${status}`);
  const balances = async (): Promise<Record<string, number>> => {
    const rows = (await shop.rows()) as { owner: string; balance: number }[];
    return Object.fromEntries(rows.map(({ owner, balance }) => [owner, balance]));
  };
  const allDone = (): Promise<unknown> =>
    eventually('nothing is parked any more', async () => (await letters()).length === 0, 5_000);

  const poisons: Record<string, { events: () => NewEvent[]; reason: string }> = {
    'makes `row` throw': { events: () => [event('Deposited', { amount: 1, fail: 'row' })], reason: 'cannot be told' },
    'makes `key` throw': { events: () => [event('Opened', { fail: 'key' })], reason: 'nobody knows' },
    'has no usable key': { events: () => [event('Transferred', { amount: 1, to: 'nobody' })], reason: 'not a key' },
    'breaks a constraint': {
      events: () => [event('Withdrawn', { amount: 2_000_000 })],
      reason: 'violates check constraint',
    },
    'breaks a unique index': {
      events: () => [event('Opened', { owner: 'only one' })],
      reason: 'duplicate key',
    },
    'leaves a column out': {
      events: () => [event('Opened')],
      reason: 'accounts.owner is text and cannot hold nothing at all',
    },
    'gives a column another type': { events: () => [event('Opened', { owner: 7 })], reason: 'accounts.owner is text' },
    'makes a number too large': {
      events: () => [event('Deposited', { amount: Number.MAX_SAFE_INTEGER }), event('Deposited', { amount: 2 })],
      reason: 'accounts.balance is bigint',
    },
  };
  for (const [what, { events, reason }] of Object.entries(poisons)) {
    it(`stops only its own stream when it ${what}`, async () => {
      const projector = shop.projector();
      await shop.append(id, event('Opened', { owner: 'Ada' }));
      await shop.append(other, event('Opened', { owner: 'only one' }));
      await shop.append(id, ...events());
      await shop.append(id, event('Deposited', { amount: 3 }));
      const position = await shop.append(other, event('Deposited', { amount: 4 }));
      await projector.start();

      expect(await projector.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);

      expect((await balances())['only one']).to.equal(4);
      const [dead, waiting, ...others] = await letters();
      expect([dead?.status, waiting?.status, others]).to.deep.equal(['dead', 'waiting', []]);
      expect(dead?.reason).to.contain(reason);
      expect((await projector.status())[0]?.parked).to.equal(2);
      const { payload } = await showDeadLetter(shop.pool, dead!.id);
      expect(payload).to.include({ id: dead!.eventId, position: String(dead!.position) });
    });
  }

  it('stops only its own stream when it was put into the log unreadable', async () => {
    const projector = shop.projector();
    await projector.start();
    await shop.append(id, event('Opened', { owner: 'Ada' }));
    await shop.append(other, event('Opened', { owner: 'Ben' }));
    await shop.pool.query(
      `WITH head AS (UPDATE store_head SET position = position + 1 RETURNING position)
       INSERT INTO events (position, stream, revision, id, type, data, metadata)
       SELECT position, $1, 1, gen_random_uuid(), 'Deposited', '{"amount":1,"odd\\u0000\\ud800":"\\u0000"}', '{"schema":99}'
       FROM head`,
      [`account-${id}`],
    );
    await shop.append(id, event('Deposited', { amount: 3 }));
    const position = await shop.append(other, event('Deposited', { amount: 4 }));
    expect(await projector.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);
    expect(await balances()).to.deep.equal({ Ada: 0, Ben: 4 });
    expect(await statuses()).to.deep.equal(['Deposited dead', 'Deposited waiting']);
    expect((await letters())[0]?.reason).to.contain('schema version 99');
  });

  it('is found among a thousand good ones', async () => {
    await shop.append(id, event('Opened', { owner: 'Ada' }));
    await shop.append(other, event('Opened', { owner: 'Ben' }));
    for (let turn = 0; turn < 10; turn += 1) {
      await shop.append(id, ...Array.from({ length: 90 }, () => event('Deposited', { amount: 1 })));
      if (turn === 4) await shop.append(other, event('Withdrawn', { amount: 5_000_000 }));
      await shop.append(other, event('Deposited', { amount: 1 }));
    }
    const projector = shop.projector();
    await projector.start();
    const { position } = await shop.store.head();
    expect(await projector.progress.waitFor(['accounts'], position, 10_000)).to.equal(true);
    expect(await balances()).to.deep.equal({ Ada: 900, Ben: 4 });
    expect(await statuses()).to.deep.equal(['Withdrawn dead', ...Array<string>(6).fill('Deposited waiting')]);
  });

  it('blocks its stream still after a restart', async () => {
    const first = shop.projector();
    await first.start();
    await shop.append(id, event('Opened', { owner: 'Ada' }));
    await shop.append(id, event('Deposited', { amount: 1, fail: 'row' }));
    await eventually('it is parked', async () => (await statuses()).length === 1);
    await first.stop();
    const second = shop.projector();
    await second.start();
    const position = await shop.append(id, event('Deposited', { amount: 2 }));
    expect(await second.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);
    expect(await balances()).to.deep.equal({ Ada: 0 });
    expect(await statuses()).to.deep.equal(['Deposited dead', 'Deposited waiting']);
  });

  describe('once parked', () => {
    let broken: boolean;
    let dead: DeadLetter;
    let waiting: DeadLetter;
    beforeEach(async () => {
      broken = true;
      const { Deposited } = accounts.on;
      const mendable = asAny<AccountRow>({
        ...accounts,
        on: {
          ...accounts.on,
          Deposited: {
            ...Deposited!,
            row: (row, one, key) => {
              if (broken && (one.data as { amount: number }).amount === 1) throw new Error('not yet understood');
              return Deposited!.row(row, one, key);
            },
          },
        },
      });
      const projector = shop.projector({ projections: [mendable] });
      await projector.start();
      await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
      const position = await shop.append(id, event('Deposited', { amount: 10 }), event('Withdrawn', { amount: 100 }));
      await projector.progress.waitFor(['accounts'], position, 5_000);
      [dead, waiting] = (await letters()) as [DeadLetter, DeadLetter];
    });

    it('is applied when retried after the mending, and so are those behind it, in their order', async () => {
      broken = false;
      await requestRetry(shop.pool, { id: dead.id, actor: 'cli:anna', note: 'mended' });
      await allDone();
      const after = await shop.append(id, event('Deposited', { amount: 1_000 }));
      await eventually('the stream flows', async () => (await balances())['Ada'] === 911);
      const rows = await shop.rows();
      expect(rows.map(({ revision: _r, position: _p, shout: _s, ...row }) => row)).to.deep.equal(
        folded(await shop.store.readAll(0n)),
      );
      expect(rows[0]).to.include({ revision: 4, position: Number(after) });
      const { acts, status } = await showDeadLetter(shop.pool, dead.id);
      expect(status).to.equal('resolved');
      expect(acts.map(({ act, actor, note }) => [act, actor, note])).to.deep.equal([
        ['retry', 'cli:anna', 'mended'],
        ['resolved', 'system:projection:accounts', null],
      ]);
    });

    it('stays dead when retried too early, and says so', async () => {
      await requestRetry(shop.pool, { id: dead.id, actor: 'cli:anna' });
      const again = await eventually('it has failed again', async () => {
        const found = await showDeadLetter(shop.pool, dead.id);
        return found.attempts === 2 ? found : undefined;
      });
      expect([again.status, again.reason]).to.deep.equal(['dead', 'not yet understood']);
      expect(again.acts.map(({ act }) => act)).to.deep.equal(['retry', 'dead']);
      expect(await balances()).to.deep.equal({ Ada: 0 });
    });

    it('lets those behind it go when skipped', async () => {
      await requestSkip(shop.pool, { id: dead.id, actor: 'cli:anna' });
      await allDone();
      expect(await balances()).to.deep.equal({ Ada: -90 });
      expect((await showDeadLetter(shop.pool, dead.id)).status).to.equal('skipped');
    });

    it('cannot be overtaken by one that waits behind it', async () => {
      const error = await requestRetry(shop.pool, { id: waiting.id, actor: 'cli:anna' }).then(
        () => undefined,
        (refusal: unknown) => refusal,
      );
      expect(error).to.be.an('error').with.property('message').that.contains('waits behind');
      expect((await showDeadLetter(shop.pool, waiting.id)).acts).to.deep.equal([]);
    });

    it('is released to the end by the next owner when one died half way', async () => {
      broken = false;
      await shop.pool.query(`UPDATE dead_letters SET status = 'waiting' WHERE id = $1`, [dead.id]);
      await shop.undo.pop()!();
      await shop.projector().start();
      await allDone();
      expect(await balances()).to.deep.equal({ Ada: -89 });
    });
  });

  it('is not known under an id that no dead letter has', async () => {
    for (const id of ['nonsense', randomUUID()]) {
      const error = await showDeadLetter(shop.pool, id).catch((refusal: unknown) => refusal);
      expect(error).to.be.an('error').with.property('message').that.contains('no dead letter');
    }
  });
});
