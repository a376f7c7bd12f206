import { stat } from 'node:fs/promises';
import { expect } from 'chai';
import { sealedInEvent } from '../../src/aggregates/sealed.ts';
import { acquireLease } from '../../src/engine/follow/lease.ts';
import { followerNames } from '../../src/cli/followers.ts';
import { verifyExport } from '../../src/backup/readExport.ts';
import { importLog } from '../../src/backup/importLog.ts';
import { hashLog } from '../../src/backup/exportLog.ts';
import { CURRENCY_STREAM } from '../../src/aggregates/currency.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';
import { silent } from '../engine/project/example.ts';
import { wholeLog } from '../support/events.ts';
import { createMemoryEventStore, SPARSE } from '../support/memoryStore.ts';
import { rejection } from '../support/rejection.ts';
import { MASTER_KEY, openWriteSide } from '../support/shop.ts';
import type { World } from '../cli/world.ts';
import { emptyPlace, newFile, readModels, smallShop, textOf, type Place } from './world.ts';

const masterKey = Buffer.from(MASTER_KEY, 'base64');
const FROM_HERE = { handlers: 'from-here', startStream: CURRENCY_STREAM } as const;

describe('an export of a log', function () {
  this.timeout(120_000);
  let world: World;
  let source: Place;
  let file: string;
  let events: number;
  let hash: string;
  let target: Place;

  before(async () => {
    world = await smallShop();
    source = { ...(await emptyPlace()), url: world.url, run: world.run };
    file = newFile();
    const { code, answer, output } = await world.run(['export', file, '--json']);
    expect(code, output).to.equal(0);
    ({ events, log_hash: hash } = JSON.parse(answer));
  });
  after(async () => {
    await source.drop();
    await world.close();
  });
  beforeEach(async () => {
    target = await emptyPlace();
  });
  afterEach(() => target.drop());

  const onTarget = async <T>(work: (shop: Awaited<ReturnType<typeof openWriteSide>>) => Promise<T>): Promise<T> => {
    const shop = await openWriteSide(target.url, {}, { readOnly: true });
    try {
      return await work(shop);
    } finally {
      await shop.close();
    }
  };
  it('holds every event as it was kept, in the order of the log, between a first and a last line', async () => {
    const log = await wholeLog(world.shop.store);
    const lines = (await textOf(file))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { epoch, position } = await world.shop.store.head();
    expect(lines[0]).to.deep.include({ cartulary: 'log', format: 1, epoch, head: String(position) });
    expect(lines.at(-1)).to.deep.include({ keys: 2, events: log.length, log_hash: hash });
    expect(lines.slice(3, -1)).to.deep.equal(
      log.map(({ position: at, revision, ...event }) => ({
        ...event,
        position: String(at),
        revision: String(revision),
      })),
    );
    expect(lines[1]).to.have.all.keys('subject', 'wrapped_key');
  });

  it('is not written over a file, readable by nobody else, and its hash can be told without it', async () => {
    const { code, output } = await world.run(['export', file]);
    expect(code).to.equal(1);
    expect((await stat(file)).mode & 0o077).to.equal(0);
    expect(output).to.contain('exists already');
    expect((await world.run(['export', '--hash'])).answer.trim()).to.equal(hash);
    expect((await world.run(['export', file, '--hash'])).code).to.equal(2);
    expect((await world.run(['export'])).code).to.equal(2);
  });

  for (const ending of ['.ndjson', '.ndjson.gz', 'a pipe']) {
    it(`moves by ${ending}: the same log hash, read models, positions and personal data`, async () => {
      let given = newFile(ending);
      let input: string | undefined;
      if (ending === 'a pipe') {
        const { code, answer } = await world.run(['export', '-']);
        expect(code).to.equal(0);
        [given, input] = ['-', answer];
      } else expect((await world.run(['export', given])).code).to.equal(0);
      const { code, answer, output } = await target.run(
        ['import', 'events', given, '--json'],
        input === undefined ? {} : { input },
      );
      expect(code, output).to.equal(0);
      expect(JSON.parse(answer)).to.deep.equal({
        ...{ events, known: 0, keys: 2, erased: 0, log_hash: hash, handlers: 'from-here' },
      });
      expect((await target.json('export', '--hash')).log_hash).to.equal(hash);
      await onTarget(async (shop) => {
        const here = await wholeLog(world.shop.store);
        expect(await wholeLog(shop.store)).to.deep.equal(here);
        const registered = here.find(({ type }) => type === 'UserRegistered')!;
        const opening = sealedInEvent(registered, registered.stream.replace('user-', ''));
        const revealed = await shop.services.personalData.reveal(registered.data, opening);
        expect(revealed).to.include({ name: 'Sid' });
      });
      for (const place of [world, target]) expect((await place.run(['rebuild', '--all'])).code).to.equal(0);
      expect(await readModels(target.url)).to.deep.equal(await readModels(world.url));
    });
  }

  it('killed half way, again and again, goes on where it was and doubles nothing; no process may follow meanwhile', async () => {
    for (const point of ['append:after-commit', 'import:appended', 'append:before#2', 'import:appended#2']) {
      const env = { FAILPOINT: point };
      const killed = await target.run(['import', 'events', file], { env });
      expect(killed.signal, killed.output).to.equal('SIGKILL');
      await onTarget(async ({ store, pool }) => {
        const { length } = await wholeLog(store);
        expect(length).to.be.within(1, events - 1);
        const error = await rejection(
          acquireLease(pool, { name: 'consumer:payment', owner: 'me', store, log: silent }),
        );
        expect(error).to.have.property('name', 'RestoredLog');
        expect(error.message).to.contain('consumer:payment waits: an import into this log has not ended');
      });
      expect((await target.run(['handlers', 'from-here'])).output).to.contain('has not ended');
    }
    const last = await target.json('import', 'events', file);
    expect(last).to.include({ events, log_hash: hash, handlers: 'from-here', keys: 0 });
    expect(last.known).to.be.within(1, events - 1);
    const again = await target.json('import', 'events', file);
    expect(again).to.deep.equal({ events, known: events, keys: 0, erased: 0, log_hash: hash });
    await onTarget(async ({ store, pool }) => {
      expect(await wholeLog(store)).to.deep.equal(await wholeLog(world.shop.store));
      const { epoch, position } = await store.head();
      const { rows } = await pool.query('SELECT name, epoch, position FROM checkpoints ORDER BY name');
      expect(rows).to.deep.equal([...followerNames()].sort().map((name) => ({ name, epoch, position })));
    });
  });

  it('is brought with its keys, and then leaves those alone who were erased since', async () => {
    await target.json('import', 'events', file);
    await onTarget(async ({ pool }) => {
      await pool.query('DELETE FROM subject_keys WHERE subject = (SELECT min(subject) FROM subject_keys)');
      // Empties the log but keeps the keys, as when the log of this shop moves into another store.
      await pool.query('TRUNCATE events; UPDATE store_head SET position = 0');
    });
    expect(await target.json('import', 'events', file)).to.include({ known: 0, keys: 0, erased: 1 });
    await onTarget(async ({ pool }) => {
      expect((await pool.query('SELECT 1 FROM subject_keys')).rows).to.have.lengthOf(1);
    });
  });

  it('makes handlers do everything again only when that is said', async () => {
    expect(await target.json('import', 'events', file, '--handlers', 'replay')).to.include({ handlers: 'replay' });
    await onTarget(async ({ store, pool }) => {
      const lease = await acquireLease(pool, { name: 'consumer:payment', owner: 'me', store, log: silent });
      expect(lease?.position).to.equal(0n);
      await lease?.release();
    });
  });

  it('passes through a store of other positions, append by append, and comes back the same', async () => {
    const pool: Pool = createPool({ url: target.url, name: 'test', max: 4, int8: 'number' });
    const there = createMemoryEventStore({ stride: SPARSE });
    const back = await createPostgresEventStore({ url: target.url });
    try {
      const verified = await verifyExport(file, { masterKey, apart: CURRENCY_STREAM });
      const options = { pool, masterKey, followers: followerNames(), verified, ...FROM_HERE };
      expect(await importLog({ ...options, file, store: there })).to.include({ events, log_hash: hash });
      expect(await hashLog(there)).to.deep.equal({ events, log_hash: hash });
      expect(await importLog({ ...options, file, store: back })).to.include({ events, log_hash: hash });
      expect(await wholeLog(back)).to.deep.equal(await wholeLog(world.shop.store));
      expect((await wholeLog(there)).map(({ id }) => id)).to.deep.equal((await wholeLog(back)).map(({ id }) => id));
    } finally {
      await Promise.all([pool.end(), back.close()]);
    }
  });
});
