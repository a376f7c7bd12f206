import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { sealedInUser } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import {
  admin,
  buyer,
  cutOffAfter,
  dataOf,
  haltedBefore,
  openMemoryShop,
  type Circumstances,
  type MemoryShop,
} from '../support/memoryShop.ts';
import { anybody, LATER, register, ruleOf } from '../support/claiming.ts';

const PHONE = '+49301234567';
const OTHER_PHONE = '+49307654321';

const profile = (shop: MemoryShop, actor: Actor, body: object, how?: Circumstances) =>
  shop.ask('UpdateProfile', actor, { body }, how);
const create = async (shop: MemoryShop, name: string, how?: Circumstances) =>
  dataOf(await shop.ask('CreateCategory', admin, { body: { name } }, how))['id'] as string;
const rename = (shop: MemoryShop, id: string, name: string, how?: Circumstances) =>
  shop.ask('RenameCategory', admin, { params: { id }, body: { name } }, how);

const messageOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.catch((error: unknown) => (error as Error).message);

async function phoneOf(shop: MemoryShop, { id }: Actor): Promise<string | null> {
  const state = await shop.fromLog(userDecider, id);
  if (state.status !== 'active' || state.phone === null) return null;
  return (await shop.personalData.reveal(state, sealedInUser(id))).phone;
}

/** Two people, the first of which is changing the phone number and stands right before its `appends`-th append. */
async function annIsHalted(appends: number, how: Circumstances = {}) {
  const shop = openMemoryShop();
  const ann = await register(shop, 'ann');
  const ben = await register(shop, 'ben');
  const { store, halted, goOn } = haltedBefore(appends, shop.store);
  const asked = ruleOf(profile(shop, ann, { phone: PHONE }, { ...how, services: shop.another(store) }));
  await halted;
  const ends = (): Promise<string> => {
    goOn();
    return asked;
  };
  return { shop, ann, ben, ends };
}

describe('a value that a refused command had claimed', () => {
  it('is free at once when If-Match was ahead of the revision', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    expect(await ruleOf(profile(shop, ann, { phone: PHONE }, { ifMatch: 9n }))).to.equal('StaleRevision');
    await register(shop, 'ben', { phone: PHONE });
    const id = await create(shop, 'Books');
    expect(await ruleOf(rename(shop, id, 'Novels', { ifMatch: 9n }))).to.equal('StaleRevision');
    await create(shop, 'Novels');
  });

  it('is free at once when the resource changed between the claim and its use', async () => {
    const { shop, ann, ben, ends } = await annIsHalted(2, { ifMatch: 0n });
    await profile(shop, ann, { name: 'Anna' });
    expect(await ends()).to.equal('StaleRevision');
    await profile(shop, ben, { phone: PHONE });
  });

  it('is free at once when the category was deleted between the claim and its use', async () => {
    const shop = openMemoryShop();
    const id = await create(shop, 'Books');
    const { store, halted, goOn } = haltedBefore(2, shop.store);
    const asked = ruleOf(rename(shop, id, 'Novels', { services: shop.another(store) }));
    await halted;
    await shop.ask('DeleteCategory', admin, { params: { id } });
    goOn();
    expect(await asked).to.equal('CategoryUnknown');
    await create(shop, 'Novels');
  });

  it('is free at once for an e-mail address whose registration was refused for its phone number', async () => {
    const shop = openMemoryShop();
    await register(shop, 'ann', { phone: PHONE });
    expect(await ruleOf(register(shop, 'ben', { phone: PHONE }))).to.equal('ValueTaken');
    await register(shop, 'ben');
  });

  it('stays with a holder that uses it when an earlier change to another value is repeated', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    const id = randomUUID();
    await profile(shop, ann, { phone: OTHER_PHONE }, { id });
    await profile(shop, ann, { phone: PHONE });
    await profile(shop, ann, { phone: OTHER_PHONE }, { id });
    await register(shop, 'ben', { phone: OTHER_PHONE });
    expect(await ruleOf(register(shop, 'cleo', { phone: PHONE }))).to.equal('ValueTaken');
  });
});

describe('a value whose command was killed between claim and use', () => {
  it('is free after its deadline, though its holder lives', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    const cut = profile(shop, ann, { phone: PHONE }, { services: shop.another(cutOffAfter(1, shop.store)) });
    expect(await messageOf(cut)).to.equal('cut off');
    expect(await ruleOf(register(shop, 'ben', { phone: PHONE })), 'at once').to.equal('ValueTaken');
    const ben = await register(shop, 'ben', { phone: PHONE }, { now: LATER });
    expect([await phoneOf(shop, ann), await phoneOf(shop, ben)]).to.deep.equal([null, PHONE]);
  });

  it('is free after its deadline for a category’s name too', async () => {
    const shop = openMemoryShop();
    const id = await create(shop, 'Books');
    const cut = rename(shop, id, 'Novels', { services: shop.another(cutOffAfter(1, shop.store)) });
    expect(await messageOf(cut)).to.equal('cut off');
    expect(await ruleOf(create(shop, 'Novels')), 'at once').to.equal('CategoryNameTaken');
    await create(shop, 'Novels', { now: LATER });
    expect(await ruleOf(rename(shop, id, 'Novels', { now: LATER }))).to.equal('CategoryNameTaken');
  });

  it('is not used by a slow holder after another has taken it over', async () => {
    const { shop, ann, ben, ends } = await annIsHalted(2);
    await profile(shop, ben, { phone: PHONE }, { now: LATER });
    expect(await ends()).to.equal('ValueTaken');
    expect([await phoneOf(shop, ann), await phoneOf(shop, ben)]).to.deep.equal([null, PHONE]);
  });

  it('stays with a holder that took it up while another was about to fence it: the fence appends nothing', async () => {
    const { shop, ann, ben, ends } = await annIsHalted(2);
    const fence = haltedBefore(1, shop.store);
    const another = ruleOf(profile(shop, ben, { phone: PHONE }, { now: LATER, services: shop.another(fence.store) }));
    await fence.halted;
    expect(await ends()).to.equal('none');
    fence.goOn();
    expect(await another).to.equal('ValueTaken');
    expect([await phoneOf(shop, ann), await phoneOf(shop, ben)]).to.deep.equal([PHONE, null]);
    expect((await shop.log()).map(({ type }) => type)).to.not.include('UserClaimAbandoned');
  });

  it('stays with a holder that claimed it again after the fence and before the take-over', async () => {
    const { shop, ann, ben, ends } = await annIsHalted(2);
    const takeOver = haltedBefore(2, shop.store);
    const another = ruleOf(
      profile(shop, ben, { phone: PHONE }, { now: LATER, services: shop.another(takeOver.store) }),
    );
    await takeOver.halted;
    expect((await shop.log()).map(({ type }) => type)).to.include('UserClaimAbandoned');
    expect(await ends()).to.equal('none');
    takeOver.goOn();
    expect(await another).to.equal('ValueTaken');
    expect([await phoneOf(shop, ann), await phoneOf(shop, ben)]).to.deep.equal([PHONE, null]);
  });
});

describe('a login by e-mail', () => {
  it('finds only the account that itself has the address', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann');
    const index = shop.personalData.blindIndex('email', 'other@example.com');
    await shop.does(claimDecider, `email-${index}`, { type: 'ClaimValue', data: { holder: ann.id, turn: 0 } });
    const tokens = {
      ...shop.services.tokens,
      issue: () => ({ token: 'access', expiresIn: 1 }),
      refresh: () => ({ token: 'refresh', hash: 'hash' }),
    };
    const logIn = (email: string) =>
      ruleOf(
        shop.ask(
          'LogIn',
          anybody,
          { body: { email, password: 'correct horse battery' } },
          { services: { ...shop.services, tokens } },
        ),
      );
    expect(await logIn('ann@example.com')).to.equal('none');
    expect(await logIn('other@example.com')).to.equal('WrongCredentials');
    expect(await ruleOf(register(shop, 'other', {}, { now: LATER }))).to.equal('none');
  });

  it('does not know a buyer that never registered', async () => {
    const shop = openMemoryShop();
    expect(await ruleOf(profile(shop, buyer(), { phone: PHONE }))).to.equal('UserGone');
    await register(shop, 'ann', { phone: PHONE });
  });
});
