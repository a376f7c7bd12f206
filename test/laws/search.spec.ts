import { expect } from 'chai';
import { must, request, serveShop } from '../support/shop.ts';
import { freshDatabase } from '../support/database.ts';

/** Databases that fold case and sort in different ways, if their own rules are asked. */
const LOCALES: Readonly<Record<string, string>> = {
  C: `LOCALE_PROVIDER libc LOCALE 'C'`,
  Turkish: `LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'`,
  German: `LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C'`,
};

const PRODUCTS: Readonly<Record<string, string>> = {
  'Crème brûlée torch': 'Caramel in a minute.',
  'Cafe\u0301 table': 'Typed on another keyboard.',
  'Łódź poster': '',
  Straßenkarte: '',
  'İstanbul tee': '',
  'ISPARTA rug': '',
  'Ångström lamp': '',
  'AC/DC live': '',
  'T-Shirt node.js': '',
  '50% cotton towel': '',
  A_B_cable: '',
  'Mug 🎉 party': '',
  東京タワー: '',
  'Ink red': 'A bottle of 50 ml.',
};

/** The typed text, and the names that it finds. */
const ASKED: readonly (readonly [typed: string, names: readonly string[]])[] = [
  ['creme brulee', ['Crème brûlée torch']],
  ['CRÈME', ['Crème brûlée torch']],
  ['cre\u0300me', ['Crème brûlée torch']],
  ['caramel torch', ['Crème brûlée torch']],
  ['café', ['Cafe\u0301 table']],
  ['CAFE', ['Cafe\u0301 table']],
  ['lodz', ['Łódź poster']],
  ['STRASSENKARTE', ['Straßenkarte']],
  ['straßenkarte', ['Straßenkarte']],
  ['istanbul', ['İstanbul tee']],
  ['ISTANBUL', ['İstanbul tee']],
  ['isparta', ['ISPARTA rug']],
  ['ısparta', ['ISPARTA rug']],
  ['angstrom', ['Ångström lamp']],
  ['ac', ['AC/DC live']],
  ['DC', ['AC/DC live']],
  ['ac/dc', ['AC/DC live']],
  ['acdc', ['AC/DC live']],
  ['shirt', ['T-Shirt node.js']],
  ['js', ['T-Shirt node.js']],
  ['50%', ['50% cotton towel']],
  ['50', ['50% cotton towel', 'Ink red']],
  ['%', ['50% cotton towel']],
  ['b cable', ['A_B_cable']],
  ['🎉', ['Mug 🎉 party']],
  ['東京', ['東京タワー']],
  ['red ink', ['Ink red']],
  ['red or ink', []],
  ['-ink', ['Ink red']],
  ['"ink red', ['Ink red']],
  ['ink blue', []],
  ['red:*', ['Ink red']],
  ['re', ['Ink red']],
  ['---', []],
  ['_', ['A_B_cable']],
  ["'", []],
  ['\\', []],
  ['& | ! ( <->', []],
  ['x'.repeat(200), []],
  ['東'.repeat(200), []],
  ['cable '.repeat(33), ['A_B_cable']],
  [' ', Object.keys(PRODUCTS)],
  ['\u200b', Object.keys(PRODUCTS)],
];

describe('a search', function () {
  this.timeout(120_000);

  for (const [name, locale] of Object.entries(LOCALES)) {
    it(`finds what people expect in a database with the locale ${name}`, async () => {
      const database = await freshDatabase({ locale });
      const shop = await serveShop(database.url);
      try {
        const [seller, category] = [await shop.people.seller(), await shop.people.category()];
        for (const [called, description] of Object.entries(PRODUCTS)) {
          await shop.people.product(seller, category, { name: called, description });
        }
        for (const path of ['/products', `/stores/${seller.storeId}/products`]) {
          for (const [typed, names] of ASKED) {
            const query = `search=${encodeURIComponent(typed)}&sort_by=name&sort_order=asc&per_page=100`;
            const answer = must(await request(shop.url, 'GET', `${path}?${query}`), 200);
            const found = (answer.data as { name: string }[]).map((product) => product.name).sort();
            expect(found, `${path} ${typed}`).to.deep.equal([...names].sort());
            expect(answer.body.meta.pagination.total_items, typed).to.equal(names.length);
          }
        }
      } finally {
        await shop.stop();
        await database.drop();
      }
    });
  }
});
