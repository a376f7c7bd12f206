import type { Config } from '../config/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Running } from '../main.ts';
import { openDatabase } from '../platform/postgres/database.ts';
import { migrateShop } from '../compose/migrate.ts';
import { showRunning } from '../platform/postgres/running.ts';
import { openSecrets } from '../compose/openSecrets.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { createCrew } from './crew.ts';

/** `WORKERS` processes for HTTP, and one for all other roles, so that requests and background work do not slow each other down. */
const postsOf = ({ roles, workers }: Config): Config['roles'][] => {
  const rest = roles.filter((role) => role !== 'http');
  const http = Array.from({ length: workers }, () => ['http'] as const);
  return rest.length === 0 ? http : [...http, rest];
};

/**
 * Starts the primary process and its workers. The primary opens the database (the embedded one is started once, here),
 * migrates it, loads the secrets and distributes the connections of the one port. It does nothing else. If it dies, its
 * workers end too.
 */
export async function startWorkers(config: Config, log: Logger): Promise<Running> {
  const shutdown = createShutdown();
  try {
    const database = await openDatabase(config, log);
    shutdown.push(() => database.close());
    const running = await showRunning(database.url, log);
    shutdown.push(() => running.close());
    const applied = await migrateShop(database.url);
    if (applied.length > 0) log.info({ applied }, 'database migrated');
    const {
      jwtSecret,
      masterKey,
      formerMasterKeys = [],
    } = await openSecrets({
      ...{ config, log, url: database.url, mayMake: true },
    });
    const task = {
      ...{ databaseUrl: database.url, jwtSecret, masterKey: masterKey.toString('base64') },
      formerMasterKeys: formerMasterKeys.map((key) => key.toString('base64')),
    };
    const crew = createCrew({ posts: postsOf(config), task, log });
    shutdown.push(() => crew.stop());
    const url = await crew.start();
    return { url, stop: () => shutdown.run(log) };
  } catch (error) {
    await shutdown.run(log);
    throw error;
  }
}
