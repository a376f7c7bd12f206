import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { MASTER_KEY } from '../support/shop.ts';
import { openWorld, type World } from './world.ts';

const NEW = randomBytes(32).toString('base64');

describe('cartulary keys', function () {
  this.timeout(60_000);
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    await world.people.person('Ada');
    await world.people.person('Ben');
  });
  afterEach(() => world.close());

  const keys = (command: string, list: string) =>
    world.run(['keys', ...command.split(' ')], { env: { MASTER_KEY: list } });

  it('shows how many keys are wrapped by which master key, and where that one stands', async () => {
    const { code, answer } = await keys('status', MASTER_KEY);
    expect(code).to.equal(0);
    expect(answer).to.match(
      /^2 keys of persons are wrapped by ([0-9a-f]{16}), first in MASTER_KEY\nthe index key is wrapped by \1, first in MASTER_KEY\nOnly the first key of MASTER_KEY is needed\.\n$/,
    );
    const listed = await keys('status', `${NEW},${MASTER_KEY}`);
    expect(listed.answer).to.match(/, listed in MASTER_KEY\n/);
    expect(listed.answer).to.include('"cartulary keys rotate" would wrap 3 keys anew.');
    expect((await keys('status', NEW)).answer).to.include(', NOT listed in MASTER_KEY');
  });

  it('changes nothing with --dry-run', async () => {
    const dry = await keys('rotate --dry-run', `${NEW},${MASTER_KEY}`);
    expect(dry.answer).to.equal((await keys('status', `${NEW},${MASTER_KEY}`)).answer);
    expect((await keys('status', MASTER_KEY)).code).to.equal(0);
  });

  it('wraps all keys by the first master key, once, and says how many', async () => {
    const { code, answer, output } = await keys('rotate', `${NEW},${MASTER_KEY}`);
    expect(code, output).to.equal(0);
    expect(answer).to.match(/^3 keys wrapped anew; all keys are wrapped by [0-9a-f]{16}\.\n$/);
    expect(output).not.to.include(NEW).and.not.include(MASTER_KEY);
    const again = await keys('rotate --json', `${NEW},${MASTER_KEY}`);
    expect(JSON.parse(again.answer)).to.include({ rewrapped: 0 });
    expect((await keys('status', NEW)).answer).to.include('Only the first key of MASTER_KEY is needed.');
  });

  it('are not rotated without the key that wraps them: nothing is changed, and the key is named', async () => {
    const { code, output } = await keys('rotate', NEW);
    expect(code).to.equal(1);
    expect(output).to.match(/wrapped by [0-9a-f]{16}/);
    expect((await keys('status', MASTER_KEY)).answer).to.include('2 keys of persons are wrapped by');
  });
});
