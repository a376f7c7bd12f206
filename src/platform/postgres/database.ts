import type { Config } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import { startEmbeddedPostgres } from './embedded.ts';
import { migrateStatus } from './migrate.ts';
import { hasCluster } from './place.ts';

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

/** The place of the configured shop, for people: a folder, or the database and its host without the password. */
function placeOf({ database, dataDir }: Config): string {
  if (database.url === undefined) return dataDir;
  const { pathname, host } = new URL(database.url);
  return `the database ${decodeURIComponent(pathname.slice(1))} on ${host}`;
}

/** The configured place has no shop, and the caller was not to make one. */
class NoShop extends Error {
  constructor(config: Config) {
    const setting = config.database.url === undefined ? 'DATA_DIR' : 'DATABASE_URL';
    super(
      `There is no shop in ${placeOf(config)}: nothing was made there. ${setting} says where the shop is; ` +
        'to make one there, run "cartulary serve".',
    );
    this.name = 'NoShop';
  }
}

/**
 * Like `openDatabase` for a command, but of a shop that is there already: rejects where there is none, and makes neither folder
 * nor cluster nor table.
 */
export async function findDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.database.url === undefined && !(await hasCluster(config.dataDir))) throw new NoShop(config);
  const database = await openDatabase(config, log, 'command');
  try {
    const { applied } = await migrateStatus(database.url);
    if (applied.length === 0) throw new NoShop(config);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
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
