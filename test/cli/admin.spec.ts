import { expect } from 'chai';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { sealedInUser } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import { createAdminOnce } from '../../src/compose/admin.ts';
import { emailClaim } from '../../src/commands/auth.ts';
import { createLogger } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import { spawnServer } from '../support/process.ts';
import { rejection } from '../support/rejection.ts';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';
import { openWorld, PASSWORD, type World } from './world.ts';

describe('cartulary admin create', function () {
  this.timeout(180_000);
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const create = (email: string, input: string, ...more: string[]) =>
    world.run(['admin', 'create', '--email', email, '--password-stdin', ...more], { input });

  async function accountOf(email: string) {
    const context = world.people.as({ id: 'anonymous', role: 'anonymous' });
    const { holder } = (await context.load(claimDecider, emailClaim(context, email))).state;
    if (holder === null) return undefined;
    const { state } = await context.load(userDecider, holder);
    if (state.status !== 'active') throw new Error('no account');
    const { name, passwordHash } = await world.shop.services.personalData.reveal(state, sealedInUser(holder));
    return { id: holder, role: state.role, name, passwordHash };
  }
  const verify = (hash: string | undefined) => world.shop.services.passwords.verify(PASSWORD, hash);

  it('registers an administrator with the password piped in, and says who did it', async () => {
    const { code, answer, output } = await create('ada@example.com', `${PASSWORD}\n`, '--name', 'Ada');
    const account = await accountOf('ada@example.com');
    expect(code).to.equal(0);
    expect(answer).to.equal(`Admin Ada <ada@example.com> created (${account?.id ?? '?'}).\n`);
    expect(account).to.include({ role: 'admin', name: 'Ada' });
    expect(await verify(account?.passwordHash)).to.equal(true);
    const line = output.split('\n').find((one) => one.includes('"security"'))!;
    const told = JSON.parse(line) as { actor: string };
    expect(told).to.include({ security: 'change of role', role: 'admin', user: account!.id });
    expect(told.actor).to.match(/^cli:./);
    const [registered] = await world.shop.store.read(`user-${account!.id}`);
    expect(registered?.metadata.actor).to.match(/^cli:./);
  });

  it('refuses an address that has an account already, and changes nothing', async () => {
    await create('ada@example.com', PASSWORD);
    const before = await accountOf('ada@example.com');
    const { code, output } = await create('Ada@example.com', 'another password altogether');
    expect(code).to.equal(1);
    expect(output).to.contain('There is already an account with the e-mail address Ada@example.com.');
    expect(await accountOf('ada@example.com')).to.deep.equal(before);
  });

  for (const [what, input, sentence] of [
    ['too short', 'short', 'password must have at least 8 characters'],
    ['among the most common', 'password123', 'password is one of the most common passwords'],
    ['empty', '\n', 'The password is empty.'],
    ['of two lines', `${PASSWORD}\n${PASSWORD}\n`, 'more than one line'],
  ] as const) {
    it(`refuses a password that is ${what}`, async () => {
      const { code, output } = await create('ada@example.com', input);
      expect(code).to.equal(1);
      expect(output).to.contain(sentence);
      expect(await accountOf('ada@example.com')).to.equal(undefined);
    });
  }

  it('refuses to work with another master key than that of the database', async () => {
    await create('ada@example.com', PASSWORD);
    const { position } = await world.shop.store.head();
    const env = { MASTER_KEY: Buffer.alloc(32, 9).toString('base64') };
    const input = PASSWORD;
    const { code, output } = await world.run(['admin', 'create', '--email', 'bo@example.com', '--password-stdin'], {
      input,
      env,
    });
    expect(code).to.equal(78);
    expect(output).to.contain('MASTER_KEY is not the key with which the personal data in this database were encrypted');
    expect((await world.shop.store.head()).position).to.equal(position);
  });

  it('refuses what is no e-mail address', async () => {
    const { code, output } = await create('ada', PASSWORD);
    expect(code).to.equal(1);
    expect(output).to.contain('email must be an e-mail address');
  });

  it('takes no password from the command line, and asks for none where there is no terminal', async () => {
    const onCommandLine = await world.run(['admin', 'create', '--email', 'a@b.co', '--password', PASSWORD]);
    expect(onCommandLine.code).to.equal(2);
    const unasked = await world.run(['admin', 'create', '--email', 'a@b.co']);
    expect(unasked.code).to.equal(1);
    expect(unasked.output).to.contain('--password-stdin');
  });

  it('turns off no second factor where there is no account, or none to turn off', async () => {
    const { id } = await world.people.person('First');
    const off = (email: string) => world.run(['admin', 'second-factor-off', '--email', email, '--reason', 'lost']);
    const unknown = await off('nobody@example.com');
    expect(unknown.code).to.equal(1);
    expect(unknown.output).to.contain('There is no account with the e-mail address nobody@example.com.');
    const { code, answer } = await off('first@example.com');
    expect(code).to.equal(0);
    expect(answer).to.equal(`The second factor of first@example.com (${id}) was off already.\n`);
  });

  describe('the first admin of a server', () => {
    const log = createLogger('silent');
    const once = (password = PASSWORD, email = 'first@example.com') =>
      createAdminOnce(world.shop.services, world.shop.db, { email, password }, log);

    it('is made once, at any number of starts and any state of the read model', async () => {
      await once();
      const { position } = await world.shop.store.head();
      await Promise.all([once(), once('another password altogether')]);
      expect((await world.shop.store.head()).position).to.equal(position);
      expect(await verify((await accountOf('first@example.com'))?.passwordHash)).to.equal(true);
    });

    it('is left alone when the address belongs to somebody else', async () => {
      const { id } = await world.people.person('First');
      await once();
      expect(await accountOf('first@example.com')).to.include({ id, role: 'buyer' });
    });

    it('is told as it is: made, another one, a taken address, or none', async () => {
      const { services, db } = world.shop;
      const none = () => createAdminOnce(services, db, undefined, log);
      expect(await none()).to.equal('none');
      await world.people.person('First');
      expect(await once()).to.equal('taken');
      expect(await once(PASSWORD, 'second@example.com')).to.equal('configured');
      expect((await world.run(['rebuild', '--all'])).code).to.equal(0);
      expect(await once(PASSWORD, 'second@example.com')).to.equal('configured');
      expect(await once()).to.equal('other');
      expect(await once(PASSWORD, 'third@example.com')).to.equal('other');
      expect(await accountOf('third@example.com')).to.equal(undefined);
      expect(await none()).to.equal('other');
    });

    it('is announced by a server as it is', async () => {
      await world.people.person('First');
      const told = async (email: string): Promise<string> => {
        const env = { DATABASE_URL: world.url, JWT_SECRET, MASTER_KEY, ADMIN_EMAIL: email, ADMIN_PASSWORD: PASSWORD };
        const server = await spawnServer({ env: { ...env, LOG_LEVEL: 'error' } });
        await eventually('the read model has what there is', async () => (await fetch(`${server.url}/readyz`)).ok);
        await server.end('SIGTERM');
        return /first admin {2}(.*)/.exec(server.answer())?.[1] ?? '';
      };
      expect(await told('first@example.com')).to.contain('none: the address of ADMIN_EMAIL belongs to an account');
      expect(await told('boss@example.com')).to.equal('boss@example.com (ADMIN_EMAIL)');
      expect((await world.run(['rebuild', '--all'])).code).to.equal(0);
      expect(await told('first@example.com')).to.equal('there is another one already: none was made of ADMIN_EMAIL');
      expect(await told('boss@example.com')).to.equal('boss@example.com (ADMIN_EMAIL)');
    });

    it('with a password that may not be used stops the start, by the name of the setting', async () => {
      const error = await rejection(once('password123'));
      expect(error).to.include({ name: 'ConfigError' });
      expect(error.message).to.contain('ADMIN_PASSWORD is one of the most common passwords');
    });
  });
});
