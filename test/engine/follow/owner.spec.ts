import { expect } from 'chai';
import { pino } from 'pino';
import { createOwner, type Owned, type OwnerOptions } from '../../../src/engine/follow/owner.ts';
import { eventually } from '../../support/eventually.ts';

/** A lease as its owner sees it. `lose` takes it away. */
function fakeLease() {
  const lost = new AbortController();
  const lease = {
    released: 0,
    lost: lost.signal,
    lose: () => lost.abort(new Error('the lease is lost')),
    release: () => {
      lease.released += 1;
      return Promise.resolve();
    },
  };
  return lease;
}
type FakeLease = ReturnType<typeof fakeLease>;

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const away = (): Error => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

function scene(options: Partial<OwnerOptions<FakeLease>>) {
  const logged: { err?: unknown; failures?: number; follower?: string }[] = [];
  const log = pino({ level: 'error' }, { write: (line) => void logged.push(JSON.parse(line) as object) });
  const owner = createOwner<FakeLease>({
    name: 'cats',
    log,
    retryMs: 5,
    acquire: () => Promise.resolve(fakeLease()),
    work: (_, ended) => until(ended),
    ...options,
  });
  const stopping = new AbortController();
  const ended = owner.live(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return { owner, logged, stop };
}

describe('an owner', () => {
  it('works while it has the lease, and gives it back when it is stopped', async () => {
    const lease = fakeLease();
    const { owner, stop } = scene({ acquire: () => Promise.resolve(lease) });
    await eventually('it works', () => owner.owned);
    expect([owner.standby, lease.released]).to.deep.equal([false, 0]);
    await stop();
    expect([owner.owned, lease.released]).to.deep.equal([false, 1]);
  });

  it('stands by while another owns, and asks again until the lease is free', async () => {
    let asked = 0;
    const free = { now: false };
    const { owner, stop } = scene({
      acquire: () => {
        asked += 1;
        return Promise.resolve(free.now ? fakeLease() : undefined);
      },
    });
    await eventually('it has asked a few times', () => asked > 3);
    expect([owner.standby, owner.owned]).to.deep.equal([true, false]);
    free.now = true;
    await eventually('it works', () => owner.owned);
    expect(owner.standby).to.equal(false);
    await stop();
  });

  it('ends the work when the lease is lost, and asks for the lease again', async () => {
    const leases: FakeLease[] = [];
    const { owner, logged, stop } = scene({
      acquire: () => {
        leases.push(fakeLease());
        return Promise.resolve(leases.at(-1));
      },
      work: async (_, ended) => {
        await until(ended);
        ended.throwIfAborted();
      },
    });
    await eventually('it works', () => owner.owned);
    leases[0]?.lose();
    await eventually('it works again', () => leases.length === 2 && owner.owned);
    expect([leases[0]?.released, owner.lastError, logged]).to.deep.equal([1, undefined, []]);
    await stop();
  });

  it('starts work again that has failed, after giving the lease back', async () => {
    const leases: FakeLease[] = [];
    const told: string[] = [];
    const { owner, logged, stop } = scene({
      acquire: () => {
        leases.push(fakeLease());
        return Promise.resolve(leases.at(-1));
      },
      work: (_, ended) => (leases.length < 3 ? Promise.reject(new Error('broken')) : until(ended)),
      onFailure: (reason) => void told.push(reason),
    });
    await eventually('it works', () => leases.length === 3 && owner.owned);
    expect(leases.map(({ released }) => released)).to.deep.equal([1, 1, 0]);
    expect([owner.lastError, told]).to.deep.equal(['broken', ['broken', 'broken']]);
    expect(logged.map(({ follower, failures }) => [follower, failures])).to.deep.equal([
      ['cats', 1],
      ['cats', 2],
    ]);
    await stop();
  });

  it('outwaits leases that cannot be asked for', async () => {
    let asked = 0;
    const { owner, stop } = scene({
      acquire: () => {
        asked += 1;
        return asked === 1 ? Promise.reject(away()) : Promise.resolve(fakeLease());
      },
    });
    await eventually('it works', () => owner.owned);
    expect(owner.lastError).to.equal('refused');
    await stop();
  });

  it('begins no work for a lease that comes when it has been stopped', async () => {
    const lease = fakeLease();
    let give: (lease: FakeLease) => void = () => undefined;
    let worked = false;
    const { stop } = scene({
      acquire: () => new Promise((resolve) => (give = resolve)),
      work: () => {
        worked = true;
        return Promise.resolve();
      },
    });
    const stopped = stop();
    give(lease);
    await stopped;
    expect([worked, lease.released]).to.deep.equal([false, 1]);
  });

  it('pauses longer with each failure that its work outlives, but never long while the database is away', async () => {
    const pauses = (count: number, error: () => Error) =>
      Array.from({ length: count }, () => owned?.failed(error()) ?? 0);
    let owned: Owned | undefined;
    const { owner, stop } = scene({
      work: async (_, ended, self) => {
        owned = self;
        await until(ended);
      },
    });
    await eventually('it works', () => owned !== undefined);
    const [first = 0, second = 0] = pauses(2, () => new Error('bug'));
    expect(first).to.be.within(50, 100);
    expect(second).to.be.within(100, 200);
    expect(pauses(10, () => new Error('bug')).at(-1)).to.be.within(5_000, 10_000);
    expect(pauses(1, away)[0]).to.be.within(1_000, 2_000);
    expect(owner.lastError).to.equal('refused');
    owned?.succeeded();
    expect(owner.lastError).to.equal(undefined);
    expect(pauses(1, () => new Error('bug'))[0]).to.be.within(50, 100);
    await stop();
  });

  it('says what its work could not do, without counting it', async () => {
    const { owner, logged, stop } = scene({
      work: async (_, ended, self) => {
        self.note(new Error('a checkpoint is not saved'));
        await until(ended);
      },
    });
    await eventually('it says so', () => owner.lastError === 'a checkpoint is not saved');
    expect(logged).to.deep.equal([]);
    await stop();
  });
});
