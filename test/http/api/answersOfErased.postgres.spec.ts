import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { createPersonalData } from '../../../src/eventstore/personalData.ts';
import { purge } from '../../../src/handlers/purges.ts';
import { createIdempotency } from '../../../src/http/api/idempotency.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

const MASTER_KEY = Buffer.alloc(32, 5);
const logger = pino({ level: 'silent' });

describe('a stored answer', () => {
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 4, int8: 'bigint' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('is not kept with the data of somebody who was erased while it was made, nor beyond their erasure', async () => {
    const [userId, key] = [randomUUID(), randomUUID()];
    const [here, gone] = [randomUUID(), randomUUID()];
    const keys = createPersonalData({ pool, masterKey: MASTER_KEY });
    await Promise.all([here, gone].map((person) => keys.createKey(person)));
    const idempotency = createIdempotency({ pool, masterKey: MASTER_KEY, logger });
    const once = (name: string, persons: readonly string[], body: string) =>
      idempotency.once({ account: userId, key: `${key}-${name}`, hash: Buffer.from(name) }, () =>
        Promise.resolve({ answer: { status: 200, headers: [], body }, persons }),
      );
    for (const name of ['here', 'gone']) {
      await once(name, name === 'here' ? [here] : [here, gone], 'first');
      expect((await once(name, [], 'second')).body, name).to.equal('first');
    }
    await keys.eraseKey(gone);
    await purge(pool, gone);
    expect((await once('gone', [here, gone], 'third')).body, 'after it was purged').to.equal('third');
    expect((await once('gone', [here], 'fourth')).body, 'nothing was kept').to.equal('fourth');
    expect((await once('gone', [here], 'fifth')).body).to.equal('fourth');
    expect((await once('here', [], 'third')).body, 'of somebody else').to.equal('first');
  });
});
