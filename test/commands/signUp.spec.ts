import { expect } from 'chai';
import { sealedInUser } from '../../src/aggregates/sealed.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import { bodyCheck } from '../../src/http/api/validate.ts';
import { Fields, Name, Phone } from '../../src/schema.ts';
import { register, ruleOf } from '../support/claiming.ts';
import { openMemoryShop } from '../support/memoryShop.ts';

describe('what a person signs up with', () => {
  const check = bodyCheck(Fields({ name: Name, phone: Phone }));
  const wrong = (fields: object): (string | undefined)[] =>
    check({ name: 'Ada', phone: '+44 20 7946 0018', ...fields }).map(({ field }) => field);

  it('has a phone number of 7 to 15 digits, not of separators alone', () => {
    for (const phone of ['+44 20 7946 0018', '(030) 123-45.67', '1234567', '+123456789012345', '(+43) 660 1234567']) {
      expect(wrong({ phone }), phone).to.deep.equal([]);
    }
    const bad = [
      '-----',
      ' ( ) . - ',
      '+',
      '+ - - - - -',
      '123456',
      '1234567890123456',
      '+1+2345678',
      '١٢٣٤٥٦٧',
      'phone 1234567',
    ];
    for (const phone of bad) expect(wrong({ phone }), phone).to.deep.equal(['phone']);
  });

  it('is checked in time, whatever is sent for a phone number', () => {
    const beganAt = performance.now();
    for (const part of [' ', '(', '+ ', '1 ', '().- ']) wrong({ phone: part.repeat(100_000) });
    expect(performance.now() - beganAt).to.be.below(2_000);
  });

  it('has a name that can be seen', () => {
    for (const name of ['Ada', 'Ñ', '李', '👩🏽‍🔬', ' Ada ']) expect(wrong({ name }), name).to.deep.equal([]);
    for (const name of ['', '   ', '\u00a0\u2003', '\u200b\u200d', '\u3164', '\ufeff', '\u0007', '\u2028']) {
      expect(wrong({ name }), JSON.stringify(name)).to.include('name');
    }
  });

  it('claims, stores and compares one form of a phone number', async () => {
    const shop = openMemoryShop();
    const ann = await register(shop, 'ann', { phone: '+44 (20) 7946-00.18' });
    const state = await shop.fromLog(userDecider, ann.id);
    if (state.status !== 'active') throw new Error('not registered');
    expect((await shop.personalData.reveal(state, sealedInUser(ann.id))).phone).to.equal('+442079460018');
    expect(await ruleOf(register(shop, 'ben', { phone: '+442079460018' }))).to.equal('ValueTaken');
  });
});
