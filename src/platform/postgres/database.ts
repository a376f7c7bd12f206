import type { Config } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import { startEmbeddedPostgres } from './embedded.ts';

export interface Database {
  readonly url: string;
  readonly embedded: boolean;
  /** Stops the embedded Postgres unless another process still uses it. Does nothing for `DATABASE_URL`. */
  close(): Promise<void>;
}

/** Connections of a process outside its two pools: for the log, the presence lock, and occasional commands. */
const CONNECTIONS_BESIDE_POOLS = 10;
const CONNECTIONS_MIN = 100;

/** `max_connections` for one process, or for the workers and the process that does the rest. */
function connectionsFor({ workers, database }: Config): number {
  const processes = workers === 1 ? 1 : workers + 1;
  return Math.max(CONNECTIONS_MIN, (processes + 1) * (2 * database.poolMax + CONNECTIONS_BESIDE_POOLS));
}

/**
 * The configured database: `DATABASE_URL`, else the embedded Postgres of the data folder, which is started if it does not run.
 * As `server` (the default) this fails while another server uses the folder. A `command` shares the folder with a server.
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
