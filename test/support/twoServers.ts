import { freshDatabase, type TestDatabase } from './database.ts';
import { spawnServer, type ServerProcess } from './process.ts';
import { JWT_SECRET, MASTER_KEY } from './shop.ts';

export interface TwoServers {
  readonly database: TestDatabase;
  readonly servers: readonly ServerProcess[];
}

/** For the tests of a suite: two processes on one new database. The first does everything, the second only answers requests. */
export function servingTwice(onServed: (served: TwoServers) => void): void {
  let database: TestDatabase | undefined;
  const servers: ServerProcess[] = [];

  before(async () => {
    database = await freshDatabase();
    const env = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' };
    for (const roles of ['http,projector,relay,handlers,deadlines', 'http']) {
      servers.push(await spawnServer({ env: { ...env, ROLES: roles } }));
    }
    onServed({ database, servers });
  });
  after(async () => {
    for (const server of servers) server.kill('SIGKILL');
    await Promise.all(servers.map(({ exited }) => exited));
    await database?.drop();
  });
}
