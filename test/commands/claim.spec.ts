import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import {
  admin,
  cutOffAfter,
  dataOf,
  openMemoryShop,
  type Circumstances,
  type MemoryShop,
} from '../support/memoryShop.ts';
import { LATER, register, ruleOf } from '../support/claiming.ts';

const APPENDS_MAX = 10;

const create = (shop: MemoryShop, name: string, how?: Circumstances) =>
  shop.ask('CreateCategory', admin, { body: { name } }, how);
const rename = (shop: MemoryShop, id: string, name: string, how?: Circumstances) =>
  shop.ask('RenameCategory', admin, { params: { id }, body: { name } }, how);
const remove = (shop: MemoryShop, id: string, how?: Circumstances) =>
  shop.ask('DeleteCategory', admin, { params: { id } }, how);
const profile = (shop: MemoryShop, actor: Actor, body: object, how?: Circumstances) =>
  shop.ask('UpdateProfile', actor, { body }, how);

/** Cuts a command off after each of its appends in turn, and then runs `then`. Returns the number of appends. */
async function atEveryAppend(
  play: (appends: number) => Promise<{ shop: MemoryShop; asked: (how: Circumstances) => Promise<unknown> }>,
  then: (shop: MemoryShop, again: (how?: Circumstances) => Promise<unknown>) => Promise<void>,
): Promise<number> {
  for (let appends = 1; appends <= APPENDS_MAX; appends += 1) {
    const { shop, asked } = await play(appends);
    const id = randomUUID();
    const services = shop.another(cutOffAfter(appends, shop.store));
    const error = await asked({ id, services }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) return appends - 1;
    if (!(error instanceof Error) || error.message !== 'cut off') throw error as Error;
    await then(shop, (how = {}) => asked({ id, services: shop.another(), ...how }));
  }
  throw new Error('the command never came to its end');
}

describe('the name of a category', () => {
  it('is unique, however it is written', async () => {
    const shop = openMemoryShop();
    await create(shop, 'Books');
    for (const name of ['Books', ' books ', 'BOOKS']) {
      expect(await ruleOf(create(shop, name)), name).to.equal('CategoryNameTaken');
    }
  });

  it('is free again when the category is renamed or deleted', async () => {
    const shop = openMemoryShop();
    const id = dataOf(await create(shop, 'Books'))['id'] as string;
    await rename(shop, id, 'Novels');
    const other = dataOf(await create(shop, 'Books'))['id'] as string;
    await remove(shop, other);
    await create(shop, 'Books');
    expect(await ruleOf(create(shop, 'Novels'))).to.equal('CategoryNameTaken');
  });

  it('stays when only its spelling changes', async () => {
    const shop = openMemoryShop();
    const id = dataOf(await create(shop, 'Books'))['id'] as string;
    expect(dataOf(await rename(shop, id, 'BOOKS'))).to.include({ name: 'BOOKS' });
    expect(await ruleOf(create(shop, 'books'))).to.equal('CategoryNameTaken');
  });

  it('is not kept by a renaming that was refused as stale', async () => {
    const shop = openMemoryShop();
    const id = dataOf(await create(shop, 'Books'))['id'] as string;
    await rename(shop, id, 'Novels');
    expect(await ruleOf(rename(shop, id, 'Poems', { ifMatch: 0n }))).to.equal('StaleRevision');
    await create(shop, 'Poems');
  });

  it('is free again though the renaming was cut off, once that is repeated', async () => {
    const appends = await atEveryAppend(
      async () => {
        const shop = openMemoryShop();
        const id = dataOf(await create(shop, 'Books'))['id'] as string;
        return { shop, asked: (how) => rename(shop, id, 'Novels', { ifMatch: 0n, ...how }) };
      },
      async (shop, again) => {
        expect(dataOf((await again()) as never)).to.include({ name: 'Novels' });
        await create(shop, 'Books');
        expect(await ruleOf(create(shop, 'Novels'))).to.equal('CategoryNameTaken');
      },
    );
    expect(appends).to.equal(3);
  });

  it('is free again though the deleting was cut off, once it is asked for again', async () => {
    const appends = await atEveryAppend(
      async () => {
        const shop = openMemoryShop();
        const id = dataOf(await create(shop, 'Books'))['id'] as string;
        return { shop, asked: (how) => remove(shop, id, how) };
      },
      async (shop, again) => {
        await again();
        await create(shop, 'Books');
        expect(await ruleOf(create(shop, 'Books'))).to.equal('CategoryNameTaken');
      },
    );
    expect(appends).to.equal(3);
  });

  it('is not lost when its creation was cut off: repeated it is done, and later another may', async () => {
    const play = () => {
      const shop = openMemoryShop();
      return Promise.resolve({ shop, asked: (how: Circumstances) => create(shop, 'Books', how) });
    };
    expect(
      await atEveryAppend(play, async (shop, again) => {
        expect(dataOf((await again()) as never)).to.include({ name: 'Books' });
        expect(await ruleOf(create(shop, 'Books', { now: LATER }))).to.equal('CategoryNameTaken');
      }),
    ).to.equal(2);
    await atEveryAppend(play, async (shop, again) => {
      const created = (await shop.log()).some(({ type }) => type === 'CategoryCreated');
      expect(await ruleOf(create(shop, 'Books')), 'at once').to.equal('CategoryNameTaken');
      expect(await ruleOf(create(shop, 'Books', { now: LATER }))).to.equal(created ? 'CategoryNameTaken' : 'none');
      expect(await ruleOf(again({ now: LATER }))).to.equal(created ? 'none' : 'CategoryExpired');
      expect((await shop.log()).filter(({ type }) => type === 'CategoryCreated')).to.have.length(1);
    });
  });
});

describe('a phone number', () => {
  const phone = '+49 30 1234567';

  it('is one person’s, however it is written', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann', { phone });
    const ben = await register(shop, 'ben');
    expect(await ruleOf(profile(shop, ben, { phone: '+49301234567' }))).to.equal('ValueTaken');
    await profile(shop, ann, { phone: '+49 (30) 1234567' });
    expect(await ruleOf(register(shop, 'cleo', { phone }))).to.equal('ValueTaken');
    await register(shop, 'cleo');
  });

  it('is free again when it is changed or given up', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann', { phone });
    await profile(shop, ann, { phone: '+49 30 7654321' });
    const ben = await register(shop, 'ben', { phone });
    await profile(shop, ben, { phone: null });
    await register(shop, 'cleo', { phone });
  });

  it('is not kept by a change that was refused as stale', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    await profile(shop, ann, { name: 'Anna' });
    expect(await ruleOf(profile(shop, ann, { phone }, { ifMatch: 0n }))).to.equal('StaleRevision');
    await register(shop, 'ben', { phone });
  });

  it('is free again though the change was cut off, once that is repeated', async () => {
    const appends = await atEveryAppend(
      async () => {
        const shop = openMemoryShop();
        const ann = await register(shop, 'ann', { phone });
        return { shop, asked: (how) => profile(shop, ann, { phone: '+49 30 7654321' }, { ifMatch: 0n, ...how }) };
      },
      async (shop, again) => {
        await again();
        await register(shop, 'ben', { phone });
        expect(await ruleOf(register(shop, 'cleo', { phone: '+49 30 7654321' }))).to.equal('ValueTaken');
      },
    );
    expect(appends).to.equal(3);
  });

  it('stays theirs when an earlier change is repeated', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    const id = randomUUID();
    await profile(shop, ann, { phone: '+49 30 7654321' }, { id });
    await profile(shop, ann, { phone });
    await profile(shop, ann, { phone: '+49 30 7654321' }, { id });
    const { phoneClaim } = (await shop.fromLog(userDecider, ann.id)) as { phoneClaim: string };
    expect(await shop.fromLog(claimDecider, phoneClaim)).to.include({ holder: ann.id });
    expect(await ruleOf(register(shop, 'ben', { phone }))).to.equal('ValueTaken');
  });

  it('is free again when two changes cross', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann', { phone });
    const numbers = ['+49 30 1000001', '+49 30 1000002', '+49 30 1000003'];
    await Promise.all(numbers.map((number) => profile(shop, ann, { phone: number }, { services: shop.another() })));
    const rules = [];
    for (const [index, number] of [phone, ...numbers].entries()) {
      rules.push(await ruleOf(register(shop, `other${index}`, { phone: number })));
    }
    expect(rules.filter((rule) => rule === 'ValueTaken')).to.have.length(1);
  });
});

describe('an e-mail address', () => {
  it('is one person’s, also when many register with it at once', async () => {
    const shop = openMemoryShop();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ruleOf(register(shop, 'ann', {}, { services: index % 2 === 0 ? shop.services : shop.another() })),
      ),
    );
    expect(outcomes.filter((rule) => rule === 'none')).to.have.length(1);
    expect(outcomes.filter((rule) => rule === 'ValueTaken')).to.have.length(19);
  });

  it('is not lost when a registration was cut off: repeated it is done, and later another may', async () => {
    const play = () => {
      const shop = openMemoryShop();
      return Promise.resolve({
        shop,
        asked: (how: Circumstances) => register(shop, 'ann', { phone: '+49 30 1234567' }, how),
      });
    };
    expect(
      await atEveryAppend(play, async (shop, again) => {
        await again();
        expect((await shop.log()).filter(({ type }) => type === 'UserRegistered')).to.have.length(1);
      }),
    ).to.equal(3);
    await atEveryAppend(play, async (shop, again) => {
      const done = (await shop.log()).some(({ type }) => type === 'UserRegistered');
      expect(await ruleOf(register(shop, 'ann', { phone: '+49 30 1234567' }, { now: LATER }))).to.equal(
        done ? 'ValueTaken' : 'none',
      );
      expect(await ruleOf(again({ now: LATER }))).to.be.oneOf(done ? ['none'] : ['RegistrationExpired', 'ValueTaken']);
      expect((await shop.log()).filter(({ type }) => type === 'UserRegistered')).to.have.length(1);
    });
  });
});

describe('a password', () => {
  const change = { current_password: 'correct horse battery', new_password: 'another horse battery' };

  it('is changed only with the current password', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    const wrong = shop.ask('ChangePassword', ann, { body: { ...change, current_password: 'wrong' } });
    expect(await ruleOf(wrong)).to.equal('WrongCredentials');
    await shop.ask('ChangePassword', ann, { body: change });
    expect(await ruleOf(shop.ask('ChangePassword', ann, { body: change }))).to.equal('WrongCredentials');
  });

  it('whose change is repeated after it was cut off has been changed', async () => {
    const appends = await atEveryAppend(
      async () => {
        const shop = openMemoryShop();
        const ann = await register(shop, 'ann');
        return { shop, asked: (how) => shop.ask('ChangePassword', ann, { body: change }, how) };
      },
      async (shop, again) => {
        expect(dataOf((await again()) as never)).to.deep.equal({ message: 'password changed' });
        expect((await shop.log()).filter(({ type }) => type === 'PasswordChanged')).to.have.length(1);
      },
    );
    expect(appends).to.equal(1);
  });
});
