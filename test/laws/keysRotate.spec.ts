import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { programOn } from '../cli/world.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

import { manyKeys } from '../support/manyKeys.ts';
import { temporaryFolder } from '../support/process.ts';
import { type Json, must, request, serveShop } from '../support/shop.ts';

const OLD = randomBytes(32).toString('base64');
const NEW = randomBytes(32).toString('base64');
const PASSWORD = 'correct horse battery';
/** More than fit into one batch. */
const OTHERS = 700;
const CONFIG_EXIT_CODE = 78;

describe('the master key', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>> | undefined;
  const email = `ada-${randomUUID()}@example.com`;
  const key = randomUUID();
  let profile: Json;

  before(async () => {
    database = await freshDatabase();
    await serveWith(OLD);
    const body = { email, password: PASSWORD, name: 'Ada', phone: '+4366012345' };
    must(await request(shop!.url, 'POST', '/auth/register', { body }), 201);
    await othersRegister();
    profile = await update();
  });
  after(async () => {
    await shop?.stop();
    await database.drop();
  });

  async function serveWith(keys: string, url = database.url): Promise<void> {
    await shop?.stop();
    shop = undefined;
    shop = await serveShop(url, { MASTER_KEY: keys });
  }
  async function othersRegister(): Promise<void> {
    const pool = createPool({ url: database.url, name: 'others', max: 1, int8: 'bigint' });
    await manyKeys(pool, Buffer.from(OLD, 'base64'), OTHERS);
    await pool.end();
  }
  const logIn = async (): Promise<string> =>
    must(await request(shop!.url, 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data
      .access_token;
  /** The same command under the same key, whose answer is stored. */
  async function update(): Promise<Json> {
    const options = { body: { address: '17 Hidden Lane' }, headers: { 'idempotency-key': key } };
    return must(await request(shop!.url, 'PUT', '/users/me', { ...options, token: await logIn() }), 200).data;
  }
  /** All that was sealed, claimed and stored before is there: data, the sign-in, the phone's claim, the stored answer. */
  async function expectAllOpens(): Promise<void> {
    const token = await logIn();
    expect(must(await request(shop!.url, 'GET', '/users/me', { token }), 200).data).to.deep.equal(profile);
    expect(await update()).to.deep.equal(profile);
    const taken = { email: `ben-${randomUUID()}@example.com`, password: PASSWORD, name: 'Ben', phone: '+4366012345' };
    must(await request(shop!.url, 'POST', '/auth/register', { body: taken }), 409);
  }
  const keys = (command: string, list: string, env: Record<string, string> = {}) =>
    programOn(database.url)(['keys', ...command.split(' ')], { env: { MASTER_KEY: list, ...env } });
  const status = async (list: string): Promise<Json> => JSON.parse((await keys('status --json', list)).answer);

  it('is changed beside a running shop, also when the change is killed half way, and the old one can go', async () => {
    await serveWith(`${NEW},${OLD}`);
    await expectAllOpens();
    const {
      to_rewrap: all,
      master_keys: [first, second],
    } = await status(`${NEW},${OLD}`);
    expect(all).to.be.within(OTHERS + 1, OTHERS + 10);

    const killed = await keys('rotate', `${NEW},${OLD}`, { FAILPOINT: 'keys:batch' });
    expect(killed.code).to.not.equal(0);
    const half = await status(`${NEW},${OLD}`);
    expect(half.persons.map(({ mark }: Json) => mark)).to.have.members([first, second]);
    await expectAllOpens();
    const early = await programOn(database.url)(['migrate', 'status'], { env: { MASTER_KEY: NEW } });
    expect(early.code, early.output).to.equal(0);
    const refused = await programOn(database.url)(['audit', 'order', randomUUID()], { env: { MASTER_KEY: NEW } });
    expect(refused.code, refused.output).to.equal(CONFIG_EXIT_CODE);
    expect(refused.output).to.include('MASTER_KEY lacks the key').and.include(second).and.include('keys rotate');

    const { code, output, answer } = await keys('rotate', `${NEW},${OLD}`);
    expect(code, output).to.equal(0);
    expect(answer).to.match(/^\d+ keys wrapped anew; all keys are wrapped by [0-9a-f]{16}\.\n$/);
    expect(await status(`${NEW},${OLD}`)).to.include({ to_rewrap: 0, index_key: first });
    expect((await keys('rotate', `${NEW},${OLD}`)).answer).to.match(/^0 keys wrapped anew/);
    await expectAllOpens();

    await serveWith(NEW);
    await expectAllOpens();
  });

  it('that was replaced opens nothing, and the refusal names it', async () => {
    const { code, output } = await programOn(database.url)(['audit', 'order', randomUUID()], {
      env: { MASTER_KEY: OLD },
    });
    expect(code, output).to.equal(CONFIG_EXIT_CODE);
    expect(output).to.include('MASTER_KEY is not the key');
  });

  it('moves with an export: the shop opens elsewhere with the new key alone', async () => {
    const file = `${temporaryFolder('rotated')}/log.gz`;
    const exported = await programOn(database.url)(['export', file], { env: { MASTER_KEY: NEW } });
    expect(exported.code, exported.output).to.equal(0);
    const elsewhere = await freshDatabase();
    try {
      const imported = await programOn(elsewhere.url)(['import', 'events', file], { env: { MASTER_KEY: NEW } });
      expect(imported.code, imported.output).to.equal(0);
      await serveWith(NEW, elsewhere.url);
      const token = await logIn();
      const { data } = must(await request(shop!.url, 'GET', '/users/me', { token }), 200);
      expect(data).to.include({ name: 'Ada', phone: '+4366012345', address: '17 Hidden Lane' });
    } finally {
      await shop?.stop();
      shop = undefined;
      await elsewhere.drop();
    }
  });
});
