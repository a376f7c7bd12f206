import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type FeatureRow, featureRows, rowsOf } from '../support/featureRows.ts';
import { ROOT } from '../support/process.ts';

const TESTS = 'test/mission';
/** The groups whose rows all have a test; of other groups, those that are not marked `later`. */
const SHOWN_GROUPS = ['ID', 'CAT', 'INV', 'CART', 'EP', 'RSP', 'EVT', 'CACHE', 'RL', 'ENV', 'DOC'];
/** The one row of these groups that may be later. */
const NOT_YET = ['ID-20'];

const ROW_ID = /^(?:[A-Z]+-\d+|AX\.\d+)$/;
/** A test, with the ids at the beginning of its title. */
const TITLE = /\bit\(\s*(['"`])([^:]*?): /g;

const idsOf = (text: string): string[] =>
  [...text.matchAll(TITLE)].flatMap(([, , ids = '']) => ids.split(', ')).filter((id) => ROW_ID.test(id));

/** The rows that a page and tests do not agree on, each with its fault. */
function faults(rows: readonly FeatureRow[], tests: ReadonlyMap<string, readonly string[]>): string[] {
  const known = new Set(rows.map(({ id }) => id));
  const twice = rows.filter(({ id }, at) => rows.findIndex((one) => one.id === id) !== at);
  const required = (id: string): boolean => SHOWN_GROUPS.includes(id.split('-')[0]!) && !NOT_YET.includes(id);
  return [
    ...twice.map(({ id }) => `${id} has two rows`),
    ...rows.filter(({ id, files }) => files.length === 0 && required(id)).map(({ id }) => `${id} has no test`),
    ...rows.flatMap(({ id, files }) =>
      files.filter((file) => !(tests.get(file) ?? []).includes(id)).map((file) => `${id} has no test in ${file}`),
    ),
    ...[...tests].flatMap(([file, ids]) =>
      ids.filter((id) => !known.has(id)).map((id) => `${id} has a test in ${file} and no row`),
    ),
  ];
}

describe('the page of features', () => {
  const rows = featureRows();
  const tests = new Map(
    readdirSync(path.join(ROOT, TESTS))
      .filter((file) => file.endsWith('.spec.ts'))
      .map((file) => [`${TESTS}/${file}`, idsOf(readFileSync(path.join(ROOT, TESTS, file), 'utf8'))]),
  );

  it('has a row for each test of a feature, and a test for each row', () => {
    expect(rows.length).to.be.greaterThan(200);
    expect(faults(rows, tests)).to.deep.equal([]);
  });

  it('numbers the rows of a group without a gap', () => {
    for (const group of SHOWN_GROUPS) {
      const numbers = rows.filter(({ id }) => id.startsWith(`${group}-`)).map(({ id }) => Number(id.split('-')[1]));
      expect(numbers.sort((one, other) => one - other)).to.deep.equal(numbers.map((_, at) => at + 1));
    }
  });
});

describe('the check of features', () => {
  const page = (...lines: string[]) => rowsOf(lines.join('\n'));
  const shown = (id: string, file = 'a.spec.ts') => `| ${id} | what | how \`PORT\` | \`${file}\` |`;

  it('reads ids from the titles of tests alone', () => {
    const text = "it('CAT-1, AX.3: sells', …); it(\n  'EP-2: buys'); it('B17 (2): asks'); expect('CAT-9: no test')";
    expect(idsOf(text)).to.deep.equal(['CAT-1', 'AX.3', 'EP-2']);
  });

  it('finds a row without a test, a test without a row, and a row twice', () => {
    const tests = new Map([['a.spec.ts', ['CAT-1', 'CAT-3', 'ORD-1']]]);
    const rows = page(
      ...[shown('CAT-1'), shown('CAT-2'), shown('CAT-1'), '| CAT-4 | what | how | later |'],
      ...['| ORD-1 | what | how | later |', '| ORD-2 | what | how | later |'],
    );
    expect(faults(rows, tests)).to.have.members([
      ...['CAT-1 has two rows', 'CAT-4 has no test', 'CAT-2 has no test in a.spec.ts'],
      'CAT-3 has a test in a.spec.ts and no row',
    ]);
  });
});
