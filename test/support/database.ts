import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrateUp } from '../../src/platform/postgres/migrate.ts';
import { equip, strip } from './topology.ts';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated database that the runner of the tests has made for all its processes. Without it, each process makes its own. */
export const GIVEN_TEMPLATE = 'TEST_TEMPLATE';
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
  const name = `cartulary_template_${process.pid}`;
  await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await onServer(`CREATE DATABASE ${name}`);
  await migrateUp(databaseUrl(name));
  return name;
}

/** The template of this process, and the variable by which other processes use it too. `dropTemplate` removes it. */
export async function shareTemplate(): Promise<Record<string, string>> {
  return { [GIVEN_TEMPLATE]: await (template ??= makeTemplate()) };
}

/**
 * A new database, migrated by default. It is cloned from the template, unless it has a locale of its own: the options of CREATE
 * DATABASE that say which.
 */
export async function freshDatabase({ migrated = true, locale = '' } = {}): Promise<TestDatabase> {
  if (locale !== '') return databaseIn(locale);
  const from = migrated ? (process.env[GIVEN_TEMPLATE] ?? (await (template ??= makeTemplate()))) : 'template1';
  const name = `cartulary_test_${randomUUID().replaceAll('-', '')}`;
  const url = databaseUrl(name);
  // Copying the files costs a checkpoint but writes no write-ahead log, which is faster where the files are in memory.
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY FILE_COPY`);
  // A clone is another log than its template. Things named after a log's epoch must not be shared, so it gets its own.
  if (migrated) await onDatabase(url, 'UPDATE store_head SET epoch = gen_random_uuid()');
  return equipped(url, name);
}

async function databaseIn(locale: string): Promise<TestDatabase> {
  const name = `cartulary_test_${randomUUID().replaceAll('-', '')}`;
  const url = databaseUrl(name);
  await onServer(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${locale}`);
  await migrateUp(url);
  return equipped(url, name);
}

async function equipped(url: string, name: string): Promise<TestDatabase> {
  await equip(url);
  return {
    url,
    async drop() {
      await strip(url);
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** Removes the template that this process has made, if any; called once when it ends. */
export async function dropTemplate(): Promise<void> {
  const name = await template;
  template = undefined;
  if (name !== undefined) await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}
