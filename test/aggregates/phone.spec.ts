import { expect } from 'chai';
import { formerPhone, formerPhones, type PhoneCountry, phoneOf, plainDigits } from '../../src/aggregates/phone.ts';

const e164 = (typed: string, country?: PhoneCountry): string => {
  const found = phoneOf(typed, country);
  return typeof found === 'string' ? found : found.e164;
};

describe('a phone number', () => {
  const LONDON = '+442079460018';

  it('B20: is one number in every spelling of it', () => {
    const spellings = [
      ...['+44 20 7946 0018', '020 7946 0018', '0044 20 7946 0018', '+44 (0)20 7946 0018', '(020) 7946-0018'],
      ...['＋４４ ２０ ７９４６ ００１８', '٠٢٠ ٧٩٤٦ ٠٠١٨', '۰۲۰ ۷۹۴۶ ۰۰۱۸', '+४४ २० ७९४६ ००१८', '442079460018'],
      ...['+44\u00a020\u00a07946\u00a00018', '+44-20-7946-0018', '+44 20 7946\u20110018', '\u202a+442079460018\u202c'],
      ...[' +44.20.7946.0018 ', '2079460018', '020/79460018', '+4402079460018'],
    ];
    for (const typed of spellings) expect(e164(typed, 'GB'), typed).to.equal(LONDON);
  });

  it('B20: is another number than one that only looks like it', () => {
    expect(e164('+54 9 11 6677-3399')).to.equal('+5491166773399');
    expect(e164('011 15 6677-3399', 'AR')).to.equal('+5491166773399');
    expect(e164('+54 11 6677-3399')).to.equal('+541166773399');
    expect(e164('06 698 12345', 'IT')).to.equal('+390669812345');
  });

  it('B20: is none when no such number exists, or more than a number was typed', () => {
    const none = [
      ...['+52 1 55 1234 5678', '+39 6 698 12345', '+5108675432', '+0407123456', '+1 555 0100', '+491234567'],
      ...['call +44 20 7946 0018 now', '+44 20 7946 0018 x12', '+44 20 7946 0018;ext=12', '+44 20 7946 0018 ext. 12'],
      ...[
        'tel:+44-20-7946-0018',
        '+44 20 7946 0018#12',
        '+44 20 7946 0018, 020 7946 0019',
        '+1+2345678',
        '++442079460018',
      ],
      ...[
        '',
        '+',
        '-----',
        '+ - - -',
        '123456',
        '12345678901234567',
        '+44',
        '020 7946',
        '1-800-FLOWERS',
        '%',
        '_',
        '44+2079460018',
      ],
    ];
    for (const typed of none) expect(e164(typed, 'GB'), typed).to.equal('invalid');
  });

  it('B20: without a plus and without a country of the shop is none', () => {
    for (const typed of ['020 7946 0018', '0044 20 7946 0018', '442079460018', '٠٢٠٧٩٤٦٠٠١٨']) {
      expect(e164(typed), typed).to.equal('no country');
    }
  });

  it('B20: without a plus is refused when it is a number of two countries, and taken as people at home write it', () => {
    for (const typed of ['4915123456789', '491701234567', '447911123456', '33612345678']) {
      expect(e164(typed, 'DE'), typed).to.equal('foreign');
    }
    expect(e164('4930123456', 'DE'), 'the same number both ways').to.equal('+4930123456');
    expect(e164('0151 23456789', 'DE')).to.equal('+4915123456789');
    for (const [typed, country, is] of [
      ['(656) 234-5678', 'US', '+16562345678'],
      ['1 656 234 5678', 'US', '+16562345678'],
      ['329 123 4567', 'IT', '+393291234567'],
      ['8 (912) 345-67-89', 'RU', '+79123456789'],
      ['612 34 56 78', 'ES', '+34612345678'],
    ] as const) {
      expect(e164(typed, country), typed).to.equal(is);
    }
  });

  it('is read in time, whatever was typed', () => {
    const beganAt = performance.now();
    for (const part of [' ', '(', '+ ', '1 ', '().- ', '٠', '９']) e164(part.repeat(1_000), 'GB');
    expect(performance.now() - beganAt).to.be.below(2_000);
  });

  it('of an earlier version is found by all forms that are read as this number', () => {
    const former = formerPhones(LONDON, 'GB');
    for (const typed of ['020 7946 0018', '0044 20 7946 0018', '+44 (0)20 7946 0018', '442079460018']) {
      expect(former, typed).to.include(formerPhone(typed));
    }
    expect(former).to.not.include(LONDON);
    expect(formerPhones('+5491166773399', 'AR')).to.include(formerPhone('011 15 6677-3399'));
    expect(formerPhones('+4915123456789', 'DE'), 'which was another number').to.not.include('4915123456789');
    expect(formerPhones(LONDON, undefined)).to.deep.equal(['+4402079460018']);
    expect(formerPhones('0123', undefined)).to.deep.equal([]);
  });

  it('is compared by digits of ASCII', () => {
    expect(plainDigits('\u200f٠٢٠ ７９４６ ')).to.equal('020 7946');
    expect(plainDigits('Ada ½²')).to.equal('Ada ½²');
  });
});
