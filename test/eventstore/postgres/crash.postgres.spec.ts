import { execFile } from 'node:child_process';
import path from 'node:path';
import { expect } from 'chai';
import { NO_STREAM, type EventStore } from '../../../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { newStream, thing, wholeLog } from '../../support/events.ts';
import { programArgs } from '../../support/process.ts';

const CHILD = path.resolve(import.meta.dirname, '../../support/appendAndDie.ts');
const CHILD_TIMEOUT_MS = 15_000;

const run = (args: readonly string[]): Promise<{ signal: string | undefined; acknowledged: number }> =>
  new Promise((resolve) => {
    const options = { timeout: CHILD_TIMEOUT_MS };
    execFile(process.execPath, [...programArgs(CHILD), ...args], options, (error, stdout) =>
      resolve({
        signal: error?.signal ?? undefined,
        acknowledged: stdout.trim() === '' ? 0 : stdout.trim().split('\n').length,
      }),
    );
  });

describe('a process killed while it appends', () => {
  let database: TestDatabase;
  let store: EventStore;
  const appends = () => Array.from({ length: 20 }, () => ({ stream: newStream(), event: thing() }));

  before(async () => {
    database = await freshDatabase();
    store = await createPostgresEventStore({ url: database.url });
  });
  after(async () => {
    await store.close();
    await database.drop();
  });

  for (const [failpoint, when, written] of [
    ['append:before', 'before the batch is sent leaves nothing', 0],
    ['append:after-commit', 'after the commit, before anybody is answered, leaves everything', 20],
  ] as const) {
    it(`${when}; appending again does it once`, async () => {
      const from = (await store.head()).position;
      const all = appends();
      expect(await run([database.url, failpoint, JSON.stringify(all)])).to.deep.equal({
        signal: 'SIGKILL',
        acknowledged: 0,
      });
      expect(await wholeLog(store, from)).to.have.lengthOf(written);
      const again = await Promise.all(all.map(({ stream, event }) => store.append(stream, NO_STREAM, [event])));
      expect(again.map((result) => result.outcome === 'appended' && result.repeated)).to.deep.equal(
        Array<boolean>(20).fill(written > 0),
      );
      expect(await wholeLog(store, from)).to.have.lengthOf(20);
    });
  }

  it('only in the tests: it acknowledges everything otherwise', async () => {
    expect(await run([database.url, '', JSON.stringify(appends())])).to.deep.equal({
      signal: undefined,
      acknowledged: 20,
    });
  });
});
