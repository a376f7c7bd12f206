import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { startEmbeddedPostgres } from './embedded.ts';

export interface Database {
  readonly url: string;
  readonly embedded: boolean;
  /** Leaves a database of one's own alone; stops the embedded one unless another process still uses it. */
  close(): Promise<void>;
}

/**
 * The database of this configuration: `DATABASE_URL`, else the embedded Postgres of the data folder, started if it does not
 * run. As `server` (the default) it is refused while another server has the folder; as `command` it is shared with one.
 */
export async function openDatabase(
  config: Config,
  log: Logger,
  as: 'server' | 'command' = 'server',
): Promise<Database> {
  const { url } = config.database;
  if (url !== undefined) return { url, embedded: false, close: () => Promise.resolve() };
  const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, log, as });
  return { url: postgres.url, embedded: true, close: () => postgres.stop() };
}

/** Runs a command's work on the database and closes it, whatever happens. */
export async function withDatabase<T>(config: Config, log: Logger, work: (url: string) => Promise<T>): Promise<T> {
  const database = await openDatabase(config, log, 'command');
  try {
    return await work(database.url);
  } finally {
    await database.close();
  }
}
