import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { openWriteSide } from '../support/shop.ts';
import { unmet } from './chaos.ts';

const BEFORE = '2020-01-01T00:00:00Z';
const AFTER = '2120-01-01T00:00:00Z';

describe('the end of a run of chaos', () => {
  let database: TestDatabase;
  let write: Shop;
  before(async () => {
    database = await freshDatabase();
    write = await openWriteSide(database.url);
  });
  after(async () => {
    await write.close();
    await database.drop();
  });

  const remember = (key: string, kind: 'payment' | 'checkout', dueAt: string): Promise<unknown> =>
    write.db.rows(
      `INSERT INTO deadlines (key, kind, order_id, due_at, buyer_id, product_ids, cart_held, revision, position)
       VALUES ($1, $2, $3, $4, $3, '[]', false, 0, 1)`,
      [key, kind, randomUUID(), dueAt],
    );

  it('waits for what is overdue, and for every checkout that still holds something', async () => {
    await remember('unpaid, not yet due', 'payment', AFTER);
    expect(await unmet({ write })).to.deep.equal([]);
    await remember('unpaid', 'payment', BEFORE);
    await remember('checkout', 'checkout', BEFORE);
    await remember('checkout, not yet due', 'checkout', AFTER);
    const late = ['deadline checkout', 'deadline checkout, not yet due', 'deadline unpaid'];
    expect((await unmet({ write })).toSorted()).to.deep.equal(late);
  });
});
