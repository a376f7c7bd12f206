import type { Config } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import { startEmbeddedPostgres } from './embedded.ts';

export interface Database {
  readonly url: string;
  readonly embedded: boolean;
  /** Leaves a database of one's own alone; stops the embedded one unless another process still uses it. */
  close(): Promise<void>;
}

/** Beside its two pools, what a process holds open: for the log, for showing that it is alive, for a command now and then. */
const CONNECTIONS_BESIDE_POOLS = 10;
const CONNECTIONS_MIN = 100;

/** One process, or the workers and the one that does the rest. */
function connectionsFor({ workers, database }: Config): number {
  const processes = workers === 1 ? 1 : workers + 1;
  return Math.max(CONNECTIONS_MIN, (processes + 1) * (2 * database.poolMax + CONNECTIONS_BESIDE_POOLS));
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
  const settings = { max_connections: String(connectionsFor(config)) };
  const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, log, as, settings });
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
