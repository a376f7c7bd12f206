import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { mustFit, UnfitDatabase } from '../../src/platform/postgres/fit.ts';
import { onConnection } from '../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { runCartulary } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';

const UNFIT_EXIT_CODE = 78;
const SQL_ASCII = `ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`;

describe('the check whether a database can hold a shop', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let admin: pg.Client;
  beforeEach(async () => {
    database = await freshDatabase();
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await database.drop();
  });

  const name = (): string => new URL(database.url).pathname.slice(1);
  const urlWith = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    change(url);
    return url.href;
  };
  async function reasons(url = database.url): Promise<readonly string[]> {
    try {
      await onConnection({ url, name: 'test' }, (session) => mustFit(session, url));
      return [];
    } catch (error) {
      if (error instanceof UnfitDatabase) return error.reasons;
      throw error;
    }
  }
  const run = (url: string, ...args: string[]) =>
    runCartulary(args, { env: { DATABASE_URL: url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' } });

  it('finds nothing wrong with an ordinary one', async () => {
    expect(await reasons()).to.deep.equal([]);
  });

  it('names another encoding, and the program ends with the exit code of wrong settings', async () => {
    const other = `ascii_${randomUUID().replaceAll('-', '')}`;
    await admin.query(`CREATE DATABASE ${other} ${SQL_ASCII}`);
    const url = urlWith((changed) => (changed.pathname = `/${other}`));
    try {
      expect((await reasons(url)).join()).to.match(/Its encoding is SQL_ASCII: .*UTF8/);
      for (const args of [['serve'], ['migrate', 'up']]) {
        const { code, output } = await run(url, ...args);
        expect(code, output).to.equal(UNFIT_EXIT_CODE);
        expect(output).to.contain('Its encoding is SQL_ASCII');
      }
    } finally {
      await admin.query(`DROP DATABASE ${other} WITH (FORCE)`);
    }
  });

  it('names a read-only default', async () => {
    await admin.query(`ALTER DATABASE ${name()} SET default_transaction_read_only = on`);
    expect((await reasons()).join()).to.contain('default_transaction_read_only is on');
    const { code, output } = await run(database.url, 'serve');
    expect(code, output).to.equal(UNFIT_EXIT_CODE);
  });

  it('names the collation by which names are sorted, where a server without ICU lacks it', async () => {
    await admin.query(`DELETE FROM pg_collation WHERE collname = 'und-x-icu'`);
    expect(await reasons()).to.deep.equal(['The collation und-x-icu is missing: the server was built without ICU.']);
    const { code, output } = await run(database.url, 'serve');
    expect(code, output).to.equal(UNFIT_EXIT_CODE);
    expect(output).to.contain('built without ICU');
  });

  it('names a path on which no schema is', async () => {
    const url = urlWith((changed) => changed.searchParams.set('schema', 'nowhere'));
    expect((await reasons(url)).join()).to.match(/No schema of the search_path \(nowhere.*\) is there/);
  });

  it('names the rights that the role lacks', async () => {
    const role = `role_${randomUUID().slice(0, 8)}`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    const url = urlWith((changed) => {
      changed.username = role;
      changed.password = 'secret';
    });
    try {
      expect((await reasons(url)).join()).to.match(/lacks rights on tables: checkpoints \(INSERT, SELECT, UPDATE\)/);
      await admin.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
      expect(await reasons(url)).to.deep.equal([]);
      await admin.query(`CREATE SCHEMA closed`);
      const closed = `${url}?schema=closed`;
      expect((await reasons(closed)).join()).to.match(/No schema|may not use the schema closed/);
    } finally {
      await admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    }
  });
});
