import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './ports.ts';
import { PGBOUNCER, startServer } from './services.ts';

/** How long PgBouncer lends a session: for a client's whole stay, a transaction, or a statement. */
export type PoolMode = 'session' | 'transaction' | 'statement';

/** A PgBouncer in front of a database. Its `url` leads to that database. */
export async function startPooler(databaseUrl: string, mode: PoolMode) {
  const { hostname, port: behind, username, password, pathname } = new URL(databaseUrl);
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'cartulary-pgbouncer-'));
  const secret = password === '' ? '' : ` password=${decodeURIComponent(password)}`;
  const user = decodeURIComponent(username) || 'postgres';
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${behind || '5432'} user=${user}${secret}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    'default_pool_size = 50',
    'max_client_conn = 200',
  ];
  writeFileSync(path.join(dir, 'pgbouncer.ini'), `${lines.join('\n')}\n`);
  // PgBouncer does not run as root, and its own account must read this.
  for (const file of [dir, path.join(dir, 'pgbouncer.ini')]) chmodSync(file, 0o755);
  const server = await startServer(PGBOUNCER, { port, dir });
  return { url: `postgres://${user}@127.0.0.1:${port}${pathname}`, stop: () => server.stop() };
}
