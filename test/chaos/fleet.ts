import type { ProcessRole } from '../../src/config/settings.ts';
import { freshDatabase } from '../support/database.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { NATS, REDIS, startServer, type RunningServer } from '../support/services.ts';
import { JWT_SECRET, MASTER_KEY, openWriteSide } from '../support/shop.ts';
import { startSmtpServer } from '../handlers/senders/smtpServer.ts';

export const ROLES = ['http', 'projector', 'relay', 'handlers', 'deadlines'] as const satisfies readonly ProcessRole[];
const STOP_MS = 30_000;

/** One slot among the processes of a role. A killed process is replaced by another one in the same slot. */
export interface Member {
  readonly role: ProcessRole;
  readonly name: string;
  process: ServerProcess;
}

/** This many processes of each role, with real servers. A test can disturb each process and server. */
export async function startFleet(ofEach: number) {
  const database = await freshDatabase();
  const [redis, nats, smtp] = await Promise.all([startServer(REDIS), startServer(NATS), startSmtpServer()]);
  const servers: { redis: RunningServer; nats: RunningServer } = { redis, nats };
  const env = {
    DATABASE_URL: database.url,
    DATABASE_POOL_MAX: '8',
    REDIS_URL: redis.url,
    NATS_URL: nats.url,
    SMTP_URL: smtp.url,
    JWT_SECRET,
    MASTER_KEY,
    JWT_ACCESS_EXPIRY: '2h',
    LOG_LEVEL: 'error',
    CHECKOUT_DEADLINE: '5s',
    PAYMENT_DEADLINE: '45s',
    PAYMENT_SANDBOX_DELAY: '50ms',
  };
  const launch = (role: ProcessRole): Promise<ServerProcess> => spawnServer({ env: { ...env, ROLES: role } });
  const members: Member[] = [];
  // Starts one role at a time. On a small machine, starting all at once would exceed the time limit of a start.
  for (const role of ROLES) {
    const started = await Promise.all(Array.from({ length: ofEach }, () => launch(role)));
    members.push(...started.map((process, index) => ({ role, name: `${role} ${index + 1}`, process })));
  }
  const write = await openWriteSide(database.url, { REDIS_URL: redis.url, NATS_URL: nats.url });

  return {
    members,
    servers,
    smtp,
    write,
    databaseUrl: database.url,
    of: (role: ProcessRole): Member[] => members.filter((member) => member.role === role),
    /** Starts another process in the slot of one that has ended. */
    async replace(member: Member): Promise<void> {
      member.process = await launch(member.role);
    },
    /** Ends these processes as an operator would. Returns those that did not exit with 0 in time. */
    async stop(roles: readonly ProcessRole[]): Promise<string[]> {
      const late: string[] = [];
      const ends = members
        .filter(({ role }) => roles.includes(role))
        .map(async ({ name, process }) => {
          const { code } = await process.end('SIGTERM', STOP_MS);
          if (code !== 0) late.push(`${name} ended with ${code ?? 'a signal'}`);
        });
      for (const end of await Promise.allSettled(ends)) if (end.status === 'rejected') late.push(String(end.reason));
      return late;
    },
    async dispose(): Promise<void> {
      for (const { process } of members) process.kill('SIGKILL');
      await write.close();
      await Promise.all([servers.redis.stop(), servers.nats.stop(), smtp.close()]);
      await database.drop();
    },
  };
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>;
