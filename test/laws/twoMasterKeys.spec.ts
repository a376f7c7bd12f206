import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { runCartulary, spawnServer, temporaryFolder, type ServerProcess } from '../support/process.ts';

const CONFIG_EXIT_CODE = 78;
const SERVERS = 3;

describe('servers that start together on an empty database', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  const running: ServerProcess[] = [];
  beforeEach(async () => {
    database = await freshDatabase({ migrated: false });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.end('SIGTERM')));
    await database.drop();
  });

  const started = async (folders: readonly string[]) => {
    const env = { LOG_LEVEL: 'warn', DATABASE_URL: database.url };
    const outcomes = await Promise.allSettled(
      folders.map((folder) => spawnServer({ env: { ...env, DATA_DIR: folder } })),
    );
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') running.push(outcome.value);
    return outcomes;
  };

  it('with a data folder each, and so a master key each, are one server and refusals that name the cause', async () => {
    const folders = Array.from({ length: SERVERS }, () => temporaryFolder('own-secrets'));
    const outcomes = await started(folders);
    expect(running, JSON.stringify(outcomes)).to.have.length(1);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue;
      const again = await runCartulary(['serve'], {
        env: { LOG_LEVEL: 'warn', DATABASE_URL: database.url, DATA_DIR: folders[index]! },
      });
      expect(again.code, again.output).to.equal(CONFIG_EXIT_CODE);
      expect(again.output).to.match(/MASTER_KEY (?:is not the key|is missing)/);
      expect(String(outcome.reason)).to.match(/MASTER_KEY (?:is not the key|is missing)/);
    }
  });

  it('with one data folder share its master key, and all serve', async () => {
    const folder = temporaryFolder('shared-secrets');
    const outcomes = await started(Array.from({ length: SERVERS }, () => folder));
    expect(running, JSON.stringify(outcomes)).to.have.length(SERVERS);
  });
});
