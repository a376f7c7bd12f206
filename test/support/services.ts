import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createLogger } from '../../src/log.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';

const CONNECTIONS_MAX = 300;

export interface Services {
  /** What the tests find them by. */
  readonly env: Readonly<Record<string, string>>;
  /** One line to print. */
  readonly summary: string;
  stop(): Promise<void>;
}

/** The Postgres of `TEST_POSTGRES_URL`, else an embedded one in a temporary folder on a free port. */
export async function startServices(given = process.env['TEST_POSTGRES_URL']): Promise<Services> {
  if (given !== undefined && given !== '') {
    const { host } = new URL(given);
    return { env: { TEST_POSTGRES_URL: given }, summary: `Postgres at ${host}`, stop: () => Promise.resolve() };
  }
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'cartulary-test-'));
  const log = createLogger('warn');
  const settings = { max_connections: String(CONNECTIONS_MAX) };
  const postgres = await startEmbeddedPostgres({ dataDir, log, settings });
  return {
    env: { TEST_POSTGRES_URL: postgres.url },
    summary: `embedded Postgres in ${dataDir}`,
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
