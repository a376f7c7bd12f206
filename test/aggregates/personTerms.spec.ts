import { expect } from 'chai';
import { termsOfPerson, wantedPeople } from '../../src/aggregates/personTerms.ts';

const ADA = { email: 'Ada.Byron@example.com', name: 'Ada Crème-Byron', phone: '+442079460018' };

describe('a search for people', () => {
  const finds = (typed: string, person: typeof ADA | { [K in keyof typeof ADA]: string | null } = ADA): boolean => {
    const has = new Set(termsOfPerson(person as typeof ADA, 'GB'));
    return wantedPeople(typed, 'GB').some((all) =>
      all.every((forms) => forms.some((terms) => terms.every((term) => has.has(term)))),
    );
  };

  it('B20: finds a phone number in any spelling, and by any part of four digits or more', () => {
    const found = [
      ...['+442079460018', ' 442079460018', '020 7946 0018', '0044 20 7946 0018', '+44 (0)20 7946 0018'],
      ...['020 7946', '7946-0018', '0018', '٠٢٠ ٧٩٤٦', '(020)7946', '4420794'],
    ];
    for (const typed of found) expect(finds(typed), typed).to.equal(true);
    for (const typed of ['018', '020 7947', '7946 0019', '+33 20 7946 0018', '+'])
      expect(finds(typed), typed).to.equal(false);
  });

  it('finds a number of an earlier version by its digits and by what they are today', () => {
    const former = { ...ADA, phone: '02079460018' };
    for (const typed of ['02079460018', '+44 20 7946 0018', '7946']) expect(finds(typed, former), typed).to.equal(true);
    expect(finds('555-0100', { ...ADA, phone: '5550100' })).to.equal(true);
    expect(finds('7946', { ...ADA, phone: null })).to.equal(false);
  });

  it('finds the words of a name, whatever their case and accents, and all of them', () => {
    for (const typed of ['ada', 'BYRON', 'creme', 'Crème Ada', 'creme-byron', 'cremebyron', ' ada  byron ']) {
      expect(finds(typed), typed).to.equal(true);
    }
    for (const typed of ['ad', 'ada king', 'a']) expect(finds(typed), typed).to.equal(false);
    expect(finds('小龙', { ...ADA, name: '李小龙' })).to.equal(true);
    expect(finds('2000', { ...ADA, name: 'Deep 2000' })).to.equal(true);
  });

  it('finds an e-mail address as a whole, in any case', () => {
    for (const typed of ['ada.byron@example.com', ' ADA.BYRON@EXAMPLE.COM '])
      expect(finds(typed), typed).to.equal(true);
    for (const typed of ['byron@example.com', '@example.com', 'example.com']) {
      expect(finds(typed), typed).to.equal(false);
    }
  });

  it('B23: takes no sign for an operator, and finds nobody by signs alone', () => {
    const signs = ['%', '_', '%%', '*', '"', '!!!', "'", '\\', '(', '&', '| !', ':*', '-', '+', '🎉', '\u200b', '@'];
    for (const typed of signs) expect(wantedPeople(typed, 'GB'), typed).to.deep.equal([]);
    for (const typed of ['ada:*', 'ada | king', '-ada king', 'ad_'])
      expect(finds(typed), typed).to.equal(typed === 'ada:*');
  });
});
