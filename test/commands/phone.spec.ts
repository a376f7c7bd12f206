import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { placeOfUser, sealedInUser } from '../../src/aggregates/sealed.ts';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import { register, ruleOf } from '../support/claiming.ts';
import { buyer, type MemoryShop, openMemoryShop } from '../support/memoryShop.ts';

const LONDON = '+44 20 7946 0018';

describe('the phone number of an account', () => {
  let shop: MemoryShop;
  beforeEach(() => {
    shop = openMemoryShop(undefined, { phoneDefaultCountry: 'GB' });
  });

  /** A person as an earlier version registered them: the number claimed and stored as it was typed, without separators. */
  async function fromBefore(phone: string): Promise<Actor> {
    const id = randomUUID();
    const { personalData } = shop;
    await personalData.createKey(id);
    const phoneClaim = `phone-${personalData.blindIndex('phone', phone)}`;
    await shop.does(claimDecider, phoneClaim, { type: 'ClaimValue', data: { holder: id, turn: 0 } });
    const seal = (field: 'email' | 'name' | 'phone' | 'passwordHash', text: string) =>
      personalData.seal(placeOfUser(id, `UserRegistered.${field}`), text);
    const data = {
      ...{ email: await seal('email', `${id}@example.com`), name: await seal('name', 'Ann'), role: 'buyer' as const },
      ...{ phone: await seal('phone', phone), phoneClaim, passwordHash: await seal('passwordHash', 'hash') },
    };
    await shop.does(userDecider, id, { type: 'RegisterUser', data });
    return buyer(id);
  }
  const change = (actor: Actor, body: object): Promise<string> => ruleOf(shop.ask('UpdateProfile', actor, { body }));
  async function phoneOf({ id }: Actor): Promise<string | null> {
    const state = await shop.fromLog(userDecider, id);
    if (state.status !== 'active') throw new Error('not registered');
    return (await shop.personalData.reveal(state, sealedInUser(id))).phone;
  }

  it('B20: is stored in E.164 and taken in every spelling', async () => {
    const ann = await register(shop, 'ann', { phone: '020 7946 0018' });
    expect(await phoneOf(ann)).to.equal('+442079460018');
    for (const phone of [LONDON, '020 7946 0018', '0044 20 7946 0018', '+44 (0)20 7946 0018', '٠٢٠٧٩٤٦٠٠١٨']) {
      expect(await ruleOf(register(shop, 'ben', { phone })), phone).to.equal('ValueTaken');
    }
    expect(await ruleOf(register(shop, 'ben', { phone: `${LONDON} x12` }))).to.equal('InvalidInput');
  });

  it('B20: is one person’s, when two register it in two spellings at once in two processes', async () => {
    const other = shop.another();
    for (let round = 0; round < 10; round += 1) {
      const number = `020 7946 00${20 + round}`;
      const rules = await Promise.all([
        ruleOf(register(shop, `ann${round}`, { phone: number })),
        ruleOf(register(shop, `ben${round}`, { phone: `+44 ${number.slice(1)}` }, { services: other })),
      ]);
      expect(rules.sort()).to.deep.equal(['ValueTaken', 'none']);
    }
  });

  it('B20: of an earlier version is taken, in whatever form it was stored', async () => {
    for (const former of ['02079460018', '00442079460018', '+4402079460018', '+442079460018', '2079460018']) {
      shop = openMemoryShop(undefined, { phoneDefaultCountry: 'GB' });
      const ann = await fromBefore(former);
      expect(await ruleOf(register(shop, 'ben', { phone: LONDON })), former).to.equal('ValueTaken');
      const cleo = await register(shop, 'cleo');
      expect(await change(cleo, { phone: '020 7946 0018' })).to.equal('ValueTaken');
      expect(await phoneOf(ann)).to.equal(former);
      expect(await change(ann, { phone: LONDON }), 'its owner may write it anew').to.equal('none');
      expect(await phoneOf(ann)).to.equal('+442079460018');
      expect(await ruleOf(register(shop, 'ben', { phone: LONDON }))).to.equal('ValueTaken');
    }
  });

  it('B20: of an earlier version that is none today stays as it is, and comes back unchanged', async () => {
    const ann = await fromBefore('5550100');
    expect(await change(ann, { name: 'Ann', phone: '5550100' })).to.equal('none');
    expect(await change(ann, { phone: '555-0100', address: '1 Abbey Road' })).to.equal('none');
    expect(await phoneOf(ann)).to.equal('5550100');
    expect(await change(ann, { phone: '5550101' })).to.equal('InvalidInput');
    expect(await change(ann, { phone: null })).to.equal('none');
    expect(await phoneOf(ann)).to.equal(null);
  });

  it('without a plus is refused by a shop without a country', async () => {
    shop = openMemoryShop();
    for (const phone of ['020 7946 0018', '0044 20 7946 0018']) {
      expect(await ruleOf(register(shop, 'ben', { phone }))).to.equal('InvalidInput');
    }
    expect(await ruleOf(register(shop, 'ben', { phone: LONDON }))).to.equal('none');
  });
});
