import { expect } from 'chai';
import { masterKeysOf } from '../../src/eventstore/masterKeys.ts';
import { sealedInUser } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import { manyKeys } from '../support/manyKeys.ts';
import { MASTER_KEY, openWriteSide } from '../support/shop.ts';
import { openWorld, type World } from './world.ts';

const NEXT = Buffer.alloc(32, 6).toString('base64');
const MIGRATION = '0012_master_keys';
/** More than there are migrations after it. */
const DOWNS_MAX = 50;

describe('the migration of master keys, taken back', function () {
  this.timeout(120_000);
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const run = async (args: readonly string[], masterKey = MASTER_KEY) => {
    const { code, output } = await world.run(args, { env: { MASTER_KEY: masterKey } });
    return { code, output };
  };
  const must = async (args: readonly string[], masterKey?: string): Promise<void> => {
    const { code, output } = await run(args, masterKey);
    expect(code, output).to.equal(0);
  };
  /** Takes back one migration after the other, up to this one. */
  async function down(): Promise<Awaited<ReturnType<typeof run>>> {
    for (let turn = 0; turn < DOWNS_MAX; turn += 1) {
      const result = await run(['migrate', 'down']);
      if (result.code !== 0 || result.output.includes(MIGRATION)) return result;
    }
    throw new Error(`${MIGRATION} was not reached`);
  }
  async function nameOf(id: string): Promise<string> {
    const write = await openWriteSide(world.url);
    try {
      const { aggregates, personalData } = write.services;
      const { state } = await aggregates.load(userDecider, id);
      const { name } = (await personalData.reveal(state, sealedInUser(id))) as { name: string };
      return name;
    } finally {
      await write.close();
    }
  }

  it('is taken back where the master key was never changed, and everything opens after it was applied again', async () => {
    const { id } = await world.people.person('Ada');
    const { code, output } = await down();
    expect({ code, output }).to.deep.include({ code: 0 });
    await must(['migrate', 'up']);
    expect(await nameOf(id)).to.equal('Ada');
  });

  it('is refused after a rotation, changes nothing, and is taken back once all keys are back under the first key', async () => {
    const { id } = await world.people.person('Ada');
    await must(['keys', 'rotate'], `${NEXT},${MASTER_KEY}`);
    const refused = await down();
    expect(refused.code).to.equal(1);
    const [{ mark }] = masterKeysOf(Buffer.from(MASTER_KEY, 'base64'));
    expect(refused.output).to.contain('The master key was changed').and.contain(mark).and.contain('keys rotate');
    await must(['migrate', 'up']);

    await must(['keys', 'rotate'], `${MASTER_KEY},${NEXT}`);
    // As a rotation leaves it that was cut off: the index key is back, the key of a person is not.
    await manyKeys(world.shop.pool, Buffer.from(NEXT, 'base64'), 1);
    const half = await down();
    expect(half.code, half.output).to.equal(1);
    expect(half.output).to.contain('1 keys are wrapped by another');
    await must(['migrate', 'up']);
    await must(['keys', 'rotate'], `${MASTER_KEY},${NEXT}`);

    const { code, output } = await down();
    expect({ code, output }).to.deep.include({ code: 0 });
    const { rows } = await world.shop.pool.query(
      `SELECT 1 FROM information_schema.columns WHERE table_name = 'subject_keys' AND column_name = 'master_key'`,
    );
    expect(rows).to.deep.equal([]);
    await must(['migrate', 'up']);
    expect(await nameOf(id)).to.equal('Ada');
  });
});
