import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createLogger } from '../../src/platform/log.ts';
import { openCluster } from '../../src/platform/postgres/cluster.ts';
import { placeFor } from '../../src/platform/postgres/place.ts';
import {
  query,
  startPostmaster,
  stopPostmaster,
  urlOf,
  type Cluster,
  type Postmaster,
} from '../../src/platform/postgres/postmaster.ts';
import { newDataDir } from './embedded.ts';
import { freePort } from './ports.ts';

/** A standby of a test keeps what it needs in little memory. A standby must take as many connections as its primary. */
const SETTINGS = { max_connections: '80', shared_buffers: '32MB', hot_standby: 'on', wal_level: 'replica' };

/** A Postgres of a test's own, with one database. A test can stop it, and start it on the same port as a standby. */
export interface OwnPostgres {
  readonly url: string;
  sql(text: string): Promise<Record<string, unknown>[]>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it without a word to its clients and without a checkpoint. */
  crash(): Promise<void>;
  /** From its next start on it is in recovery, until `promote`. It streams from `primary`, or from no server. */
  becomeStandby(primary?: OwnPostgres): void;
  promote(): Promise<void>;
  /** A second server with the same files. Only while this one is stopped. */
  copy(): Promise<OwnPostgres>;
}

/** A new server with an empty database, running. Its files are removed when the test process ends. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const database = `cartulary_test_${randomUUID().replaceAll('-', '')}`;
  const server = await serverIn(newDataDir(), database);
  await server.start();
  const maintenance = new URL(server.url);
  maintenance.pathname = '/postgres';
  await query(maintenance.href, `CREATE DATABASE ${database}`);
  return server;
}

async function serverIn(dataDir: string, database: string): Promise<OwnPostgres> {
  const place = await placeFor(dataDir, createLogger('silent'));
  const cluster: Cluster = { ...(await openCluster(dataDir, place)), settings: SETTINGS };
  const port = await freePort();
  const url = urlOf(cluster, port, database);
  let postmaster: Postmaster | undefined;
  const file = (name: string): string => path.join(place.cluster, name);
  const sql = (text: string): Promise<Record<string, unknown>[]> => query(url, text);
  const stop = async (): Promise<void> => {
    if (postmaster !== undefined) await stopPostmaster(place, postmaster);
    postmaster = undefined;
  };
  return {
    url,
    sql,
    async start() {
      postmaster = await startPostmaster(cluster, port);
    },
    stop,
    crash() {
      process.kill(postmaster!.pid, 'SIGQUIT');
      return stop();
    },
    becomeStandby(primary) {
      writeFileSync(file('standby.signal'), '');
      if (place.account !== undefined) chownSync(file('standby.signal'), place.account.uid, place.account.gid);
      if (primary === undefined) return;
      const { hostname, port: at, username, password } = new URL(primary.url);
      const source = `host=${hostname} port=${at} user=${username} password=${decodeURIComponent(password)}`;
      appendFileSync(file('postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
    },
    async promote() {
      await sql('SELECT pg_promote(true)');
    },
    async copy() {
      const folder = newDataDir();
      execFileSync('cp', ['-a', dataDir, folder]);
      return serverIn(folder, database);
    },
  };
}
