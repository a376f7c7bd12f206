import { expect } from 'chai';
import { createPostgresListener } from '../../../src/eventstore/postgres/listener.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { migrateUp } from '../../../src/platform/postgres/migrate.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { thing } from '../../support/events.ts';
import { eventually } from '../../support/eventually.ts';

describe('two logs in two schemas of one database', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let urls: string[];
  let pools: Pool[];
  let stores: EventStore[];
  before(async () => {
    database = await freshDatabase({ migrated: false });
    urls = ['one', 'two'].map((schema) => `${database.url}?schema=${schema}`);
    pools = urls.map((url) => createPool({ url, name: 'test', max: 2, int8: 'bigint' }));
    stores = [];
    await pools[0]!.query('CREATE SCHEMA one; CREATE SCHEMA two');
    for (const url of urls) {
      await migrateUp(url);
      stores.push(await createPostgresEventStore({ url }));
    }
  });
  after(async () => {
    for (const store of stores) await store.close();
    for (const pool of pools) await pool.end();
    await database.drop();
  });

  it('do not wait for each other', async () => {
    const holder = await pools[0]!.connect();
    await holder.query('BEGIN; SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 7216031905432817))');
    const result = await stores[1]!.append('a', -1n, [thing()]);
    expect(result).to.include({ outcome: 'appended', position: 1n });
    await holder.query('COMMIT');
    holder.release();
  });

  it('do not hear of each other', async () => {
    const heard: (bigint | undefined)[] = [];
    const listener = createPostgresListener({ url: urls[0]!, onNews: (position) => heard.push(position) });
    listener.start();
    await eventually('it listens', () => heard.length > 0);
    for (const stream of ['b', 'c']) await stores[1]!.append(stream, -1n, [thing()]);
    await stores[0]!.append('own', -1n, [thing()]);
    await eventually('its own news come', () => heard.length > 1);
    expect(heard).to.deep.equal([undefined, 1n]);
    await listener.close();
  });

  it('append in their own schema, whatever path a caller has', async () => {
    const { rows } = await pools[0]!.query<{ config: string[] }>(
      `SELECT proconfig AS config FROM pg_proc WHERE oid = 'append_batch'::regproc`,
    );
    expect(rows[0]!.config).to.include('search_path=one, pg_temp');
  });
});
