import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { clockAhead } from '../support/faketime.ts';
import { spawnServer, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, peopleOf, request, type Answer, type Json } from '../support/shop.ts';

const PASSWORD = 'correct horse battery';
const NEXT_PASSWORD = 'staple in the stable';
const LAST_PASSWORD = 'a donkey, not a horse';
const SECONDS = { right: 0, 'three seconds ahead': 3, 'ten minutes behind': -600 } as const;
const STOP_MS = 30_000;
type Clock = keyof typeof SECONDS;
const CLOCKS = Object.keys(SECONDS) as Clock[];

describe('a shop of processes whose clocks differ', function () {
  this.timeout(240_000);
  let database: TestDatabase;
  let settings: Record<string, string>;
  let servers: Record<Clock, ServerProcess>;

  before(async () => {
    database = await freshDatabase();
    settings = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' };
    const launch = (clock: Clock): Promise<ServerProcess> =>
      spawnServer({
        env: {
          ...settings,
          ...(SECONDS[clock] === 0 ? {} : { ROLES: 'http', ...clockAhead(SECONDS[clock]) }),
        },
      });
    const [right, ahead, behind] = await Promise.all(CLOCKS.map(launch));
    servers = { right: right!, 'three seconds ahead': ahead!, 'ten minutes behind': behind! };
  });
  after(async () => {
    for (const server of Object.values(servers)) server.kill('SIGKILL');
    await Promise.all(Object.values(servers).map(({ exited }) => exited));
    await database.drop();
  });

  const ask = (clock: Clock, method: string, path: string, options: Parameters<typeof request>[3] = {}) =>
    request(servers[clock].url, method, path, options);
  const logIn = async (clock: Clock, email: string, password: string): Promise<Json> =>
    must(await ask(clock, 'POST', '/auth/login', { body: { email, password } }), 200).data;
  const me = (clock: Clock, token: string): Promise<Answer> => ask(clock, 'GET', '/users/me', { token });
  const refresh = (clock: Clock, token: string): Promise<Answer> =>
    ask(clock, 'POST', '/auth/refresh', { body: { refresh_token: token } });
  const changePassword = (clock: Clock, token: string, [from, to]: readonly [string, string]): Promise<Answer> =>
    ask(clock, 'PUT', '/users/me/password', { token, body: { current_password: from, new_password: to } });

  /** Every process refuses a token once it has read the log that far, and goes on refusing it. */
  const untilRefused = async (token: string): Promise<void> => {
    for (const clock of CLOCKS) {
      await eventually(`a clock ${clock} refuses it`, async () => (await me(clock, token)).status === 401, 20_000);
    }
  };

  it('really has such clocks', async () => {
    for (const clock of CLOCKS) {
      const answer = must(await ask(clock, 'GET', '/categories'), 200);
      const aheadMs = Date.parse(answer.body.meta.timestamp as string) - Date.now();
      expect(aheadMs, clock).to.be.within(SECONDS[clock] * 1_000 - 60_000, SECONDS[clock] * 1_000 + 1_000);
    }
  });

  for (const one of CLOCKS) {
    for (const other of CLOCKS.filter((clock) => clock !== one)) {
      it(`knows sign-ins from before and after a change of password: changed ${one}, signed in ${other}`, async () => {
        const { email } = await peopleOf({ url: servers[other].url, databaseUrl: database.url }).buyer();
        const [before, changing] = [await logIn(other, email, PASSWORD), await logIn(one, email, PASSWORD)];
        must(await changePassword(one, changing.access_token, [PASSWORD, NEXT_PASSWORD]), 200);
        await untilRefused(before.access_token);
        expect((await refresh(other, before.refresh_token)).status).to.equal(401);
        const after = await logIn(other, email, NEXT_PASSWORD);
        const refreshed = must(await refresh(one, after.refresh_token), 200).data;
        for (const clock of CLOCKS) {
          // Without Redis a process does not wait for what others wrote, so the account may not be in the read model yet.
          await eventually('it knows the account', async () => (await me(clock, after.access_token)).status !== 404);
          for (const token of [after.access_token, refreshed.access_token, changing.access_token]) {
            expect((await me(clock, token)).status, clock).to.equal(200);
          }
        }
        // The session that was kept is kept no longer once another session changes the password.
        must(await changePassword(other, refreshed.access_token, [NEXT_PASSWORD, LAST_PASSWORD]), 200);
        await untilRefused(changing.access_token);
        expect((await refresh(one, changing.refresh_token)).status).to.equal(401);
        must(await refresh(one, refreshed.refresh_token), 200);
      });
    }
  }

  it('tells a process that starts after a change of password which sign-ins were before it', async () => {
    const { email } = await peopleOf({ url: servers.right.url, databaseUrl: database.url }).buyer();
    const [before, changing] = [await logIn('right', email, PASSWORD), await logIn('right', email, PASSWORD)];
    const clock = 'ten minutes behind';
    must(await changePassword(clock, changing.access_token, [PASSWORD, NEXT_PASSWORD]), 200);
    const after = await logIn(clock, email, NEXT_PASSWORD);
    const late = await spawnServer({ env: { ...settings, ROLES: 'http' } });
    try {
      const status = async (token: string): Promise<number> =>
        (await request(late.url, 'GET', '/users/me', { token })).status;
      expect(await status(before.access_token)).to.equal(401);
      expect([await status(after.access_token), await status(changing.access_token)]).to.deep.equal([200, 200]);
    } finally {
      await late.end('SIGTERM', STOP_MS);
    }
  });
});
