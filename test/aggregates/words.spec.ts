import { expect } from 'chai';
import fc from 'fast-check';
import { foldText, isBlank, termsIn, WORD_LENGTH_MAX, wantedIn } from '../../src/aggregates/words.ts';
import { RUNS } from '../support/properties.ts';

/** Whether a text is found by what was typed, as the database decides it. */
function finds(typed: string, text: string): boolean {
  const terms = new Set(termsIn(text));
  const wanted = wantedIn(typed);
  return wanted.length > 0 && wanted.every((forms) => forms.some((all) => all.every((term) => terms.has(term))));
}

const ALIKE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'letters of any case': [
    ['ABC', 'abc', 'aBc'],
    ['Straße', 'STRASSE', 'STRAẞE', 'strasse', 'ſtraſſe'],
    ['İstanbul', 'ISTANBUL', 'istanbul', 'ıstanbul', 'i̇stanbul'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ', 'Οδός', 'ὁδός'],
    ['ДОМ', 'дом'],
    ['Kelvin', 'kelvin'],
  ],
  'letters with and without accents, composed or not': [
    ['Crème brûlée', 'Cre\u0300me bru\u0302le\u0301e', 'CREME BRULEE'],
    ['Łódź', 'lodz', 'LÓDŹ'],
    ['Ångström', 'angstrom', 'A\u030angstro\u0308m', 'Ångström'],
    ['smørrebrød', 'smorrebrod'],
    ['Ærø', 'AERO'],
    ['œuvre', 'ŒUVRE', 'oeuvre'],
    ['đakovo', 'Đakovo', 'dakovo'],
    ['þing', 'THING'],
    ['Việt Nam', 'viet nam', 'VI\u1ec6T NAM'],
    ['чёрный', 'черный'],
    ['Ґудзик', 'гудзик'],
  ],
  'ligatures, widths and other forms of a letter': [
    ['ﬁlter', 'filter'],
    ['ＡＢＣ１２３', 'abc123'],
    ['m²', 'm2'],
    ['№ 5', 'No 5'],
    ['ｶﾞｲﾄﾞ', 'ガイド', 'カ\u3099イト\u3099'],
  ],
  'Hangul, composed or not': [['한국어', '한국어'.normalize('NFD')]],
  'Arabic and Hebrew with and without vowels': [
    ['كِتَابٌ', 'كتاب', 'كتـــاب'],
    ['أحمد', 'احمد', 'آحمد'],
    ['مدرسة', 'مدرسه'],
    ['على', 'علي', 'علی'],
    ['שָׁלוֹם', 'שלום'],
  ],
  'digits of any script': [['١٢٣', '۱۲۳', '१२३', '123']],
  'apostrophes, dashes and slashes of any kind': [
    ['O’Brien', "O'Brien", 'OʼBrien', 'O´Brien', 'O`Brien'],
    ['T-Shirt', 'T‑Shirt', 'T–Shirt', 'T−Shirt'],
    ['1⁄2', '1/2'],
  ],
};

/** Texts, each with what it is found by and what it is not found by. */
const FOUND: readonly (readonly [text: string, by: readonly string[], notBy: readonly string[]])[] = [
  ['AC/DC live', ['ac', 'dc', 'ac/dc', 'acdc', 'AC-DC', 'dc ac', 'live ac.dc'], ['acd', 'ac/dx', 'ac/dc dead']],
  ['ACDC', ['ac/dc', 'AC-DC'], ['ac']],
  ['T-Shirt/Hoodie', ['tshirt', 't-shirt', 'hoodie', 'shirthoodie', 'tshirthoodie'], ['thoodie']],
  ['e-mail-address.list', ['email', 'mailaddress', 'emailaddress', 'emailaddresslist'], ['maillist']],
  ['x-5a6', ['x5a6', '5a6'], []],
  ['USB-C/3.1 2.0-Hub', ['usbc', 'usb-c', '3.1', 'hub', '0hub'], ['31', '20hub']],
  ['T-Shirt, wi-fi', ['shirt', 't-shirt', 'tshirt', 'wifi', 'wi fi'], []],
  ['Tshirt', ['t-shirt', 't–shirt'], ['shirt']],
  ['node.js_and_deno', ['node', 'js', 'node.js', 'nodejsanddeno', 'deno'], []],
  ["Levi's men’s", ["levi's", 'levis', 'levi', 'mens'], []],
  ['3.5mm jack, 24/7', ['3.5mm', '5mm', '24/7'], ['35mm', '247']],
  ['ISBN 978-3-16-148410-0', ['9783161484100', '978-3-16-148410-0', '148410'], []],
  ['50% cotton towel', ['50%', '%', '50', 'cotton TOWEL'], ['50% linen']],
  ['50 ml, 60 %', ['50', '60%'], ['_']],
  ['50 ml', ['50'], ['50%']],
  ['A_B cable', ['_', 'a_b', 'ab'], ['%']],
  ['C++ Primer', ['c++', 'c', 'primer c++'], ['c#']],
  ['C++11 and Objective-C++', ['c++', '11', 'objective-c', 'objective-c++'], ['c#']],
  ['C# in Depth', ['c#', 'c'], ['c++']],
  ['Mug 🎉 party 👍🏽', ['🎉', 'mug 🎉', '👍'], ['🎈']],
  ['Lego™ Star®', ['lego', 'lego™', 'star', 'lego star'], []],
  ['10½ inch', ['10', '10½', '1/2'], ['101']],
  ['می\u200cخواهم', ['می\u200cخواهم', 'میخواهم', 'می خواهم'], []],
  ['میخواهم', ['می\u200cخواهم'], []],
  ['so\u00adft\u200bware', ['soft', 'ware'], []],
  ['東京タワーの本', ['東京', '東', 'タワー', '東京タワー', '京タ', '東京 タワー'], ['京都', '大阪']],
  ['iPhone用ケース', ['iphone', 'ケース', 'iPhone用'], ['ケーキ']],
  ['한국어사전', ['한국', '사전', '한국어'], ['일본']],
  ['ห้องน้ำสะอาด', ['ห้องน้ำ', 'สะอาด'], ['ห้องนอน']],
  ['हिन्दी पुस्तक', ['हिन्दी', 'पुस्तक'], ['हन']],
  ['パリ', ['パリ'], ['バリ']],
];

const NOTHING = ['---', '...', '!!!', '"', "'", '\\', '( )', '–', '/', '\u0301'];

describe('words', () => {
  for (const [kind, groups] of Object.entries(ALIKE)) {
    it(`are alike in ${kind}`, () => {
      for (const [first, ...others] of groups) {
        for (const other of others) {
          expect(foldText(other), `${other} as ${first}`).to.equal(foldText(first!));
          expect(finds(other, first!), `${other} finds ${first}`).to.equal(true);
          expect(finds(first!, other), `${first} finds ${other}`).to.equal(true);
        }
      }
    });
  }

  for (const [text, by, notBy] of FOUND) {
    it(`in ‘${text}’ are found by their parts and not by others`, () => {
      for (const typed of by) expect(finds(typed, text), typed).to.equal(true);
      for (const typed of notBy) expect(finds(typed, text), typed).to.equal(false);
    });
  }

  it('are none in signs that only separate, and signs count only when there is nothing else', () => {
    for (const typed of NOTHING) {
      expect(wantedIn(typed), typed).to.deep.equal([]);
      expect(isBlank(typed), typed).to.equal(typed === '\u0301');
    }
    for (const blank of ['', ' ', '\t\n', '\u00a0', '\u3000', '\u200b', '\ufeff\u00ad']) {
      expect(isBlank(blank), JSON.stringify(blank)).to.equal(true);
    }
    expect(wantedIn('salt & pepper')).to.deep.equal([[['salt']], [['pepper']]]);
    expect(wantedIn('a -b or | !c')).to.deep.equal([[['a']], [['b']], [['or']], [['c']]]);
  });

  it('are cut where they are too long for an index', () => {
    const long = 'x'.repeat(5_000);
    expect(termsIn(long)).to.deep.equal(['x'.repeat(WORD_LENGTH_MAX)]);
    expect(finds('x'.repeat(200), long)).to.equal(true);
    for (const term of termsIn(`${'𝐀'.repeat(500)} ${'a.'.repeat(2_500)} ${'ﷺ'.repeat(300)} ${'東'.repeat(500)}`)) {
      expect(Array.from(term).length).to.be.at.most(WORD_LENGTH_MAX);
    }
  });

  it('find every text by itself, composed or not, in any case', () => {
    const letters = fc.constantFrom(
      ...Array.from("aAzZéÉßẞıİſøŁæ09-/._' €+#%&@😀東京ガがकिก็ελΣς한ا"),
      '\u0301',
      '\u0308',
      '\u00ad',
    );
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 30 }), (signs) => {
        const text = signs.join('');
        if (wantedIn(text).length === 0) return;
        for (const typed of [text, text.normalize('NFD'), text.normalize('NFC'), text.toUpperCase(), foldText(text)]) {
          expect(finds(typed, text), JSON.stringify([typed, text])).to.equal(true);
          expect(finds(text, typed), JSON.stringify([text, typed])).to.equal(true);
        }
      }),
      RUNS,
    );
  });

  it('of any text at all fit into the literals of the database', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const terms = [...termsIn(text), ...wantedIn(text).flat(2)];
        for (const term of terms) expect(term).to.match(/^[^\s'\\\p{C}]+$/u);
      }),
      RUNS,
    );
  });
});
