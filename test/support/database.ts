import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrateUp } from '../../src/platform/postgres/migrate.ts';
import { equip, strip } from './topology.ts';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const TEMPLATE = `cartulary_template_${process.pid}`;
let template: Promise<string> | undefined;

/** The server that tests may create databases on; `test/run.ts` finds or starts one and sets it. */
function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url === undefined || url === '') {
    throw new Error('TEST_POSTGRES_URL is not set: run the tests by `npm test`, which finds or starts a Postgres.');
  }
  return url;
}

const databaseUrl = (name: string): string => {
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return url.href;
};

const onServer = (sql: string): Promise<void> => onDatabase(serverUrl(), sql);

async function onDatabase(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function makeTemplate(): Promise<string> {
  await onServer(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
  await onServer(`CREATE DATABASE ${TEMPLATE}`);
  await migrateUp(databaseUrl(TEMPLATE));
  return TEMPLATE;
}

/** A new database, migrated by default. It is cloned from a template that each process makes once. */
export async function freshDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const from = migrated ? await (template ??= makeTemplate()) : 'template1';
  const name = `cartulary_test_${randomUUID().replaceAll('-', '')}`;
  const url = databaseUrl(name);
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${from}`);
  // A clone is another log than its template. Things named after a log's epoch must not be shared, so it gets its own.
  if (migrated) await onDatabase(url, 'UPDATE store_head SET epoch = gen_random_uuid()');
  await equip(url);
  return {
    url,
    async drop() {
      await strip(url);
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** Removes the template; called once when a test process ends. */
export async function dropTemplate(): Promise<void> {
  if (template === undefined) return;
  template = undefined;
  await onServer(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
}
