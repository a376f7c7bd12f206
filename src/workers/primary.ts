import type { Config } from '../config/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Running } from '../main.ts';
import { openDatabase } from '../platform/postgres/database.ts';
import { migrateUp } from '../platform/postgres/migrate.ts';
import { keepSecrets } from '../platform/secrets.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { createCrew } from './crew.ts';

/** `WORKERS` processes for HTTP, and one for all the rest, which must not be slowed down by requests nor slow them down. */
const postsOf = ({ roles, workers }: Config): Config['roles'][] => {
  const rest = roles.filter((role) => role !== 'http');
  const http = Array.from({ length: workers }, () => ['http'] as const);
  return rest.length === 0 ? http : [...http, rest];
};

/**
 * The primary of several workers: has the database (the embedded one is started once, here), its schema and the secrets,
 * hands out the connections to the one port, and does nothing else. If it dies, so do its workers.
 */
export async function startWorkers(config: Config, log: Logger): Promise<Running> {
  const shutdown = createShutdown();
  try {
    const database = await openDatabase(config, log);
    shutdown.push(() => database.close());
    const applied = await migrateUp(database.url);
    if (applied.length > 0) log.info({ applied }, 'database migrated');
    const { jwtSecret, masterKey } = await keepSecrets(config, log);
    const task = { databaseUrl: database.url, jwtSecret, masterKey: masterKey.toString('base64') };
    const crew = createCrew({ posts: postsOf(config), task, log });
    shutdown.push(() => crew.stop());
    const url = await crew.start();
    return { url, stop: () => shutdown.run(log) };
  } catch (error) {
    await shutdown.run(log);
    throw error;
  }
}
