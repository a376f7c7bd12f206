import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { argumentsOf } from '../../bench/arguments.ts';
import { BENCHES } from '../../bench/benches.ts';
import { fromRounds, parts } from '../../bench/measure.ts';
import type { BenchRow } from '../../bench/row.ts';
import { between, pageFor, table } from '../../bench/table.ts';

describe('the arguments of `npm run bench`', () => {
  it('run every bench unless some are named, in the order of the table', () => {
    const all = Object.keys(BENCHES);
    expect(argumentsOf([])).to.deep.equal({ names: all, quick: false, write: false, against: undefined, rounds: 6 });
    const told = argumentsOf(['--against', 'HEAD~3', 'lag', 'http', '--rounds', '12', '--quick']);
    expect(told).to.deep.equal({ names: ['http', 'lag'], quick: true, write: false, against: 'HEAD~3', rounds: 12 });
  });

  it('are refused when they make no sense', () => {
    expect(() => argumentsOf(['htp'])).to.throw('There is no bench htp; there are http, workers');
    expect(() => argumentsOf(['--rounds', '3'])).to.throw('--rounds goes with --against');
    for (const rounds of ['0', '1.5', 'many', '101']) {
      expect(() => argumentsOf(['--against', 'x', '--rounds', rounds])).to.throw('a number from 1 to 100');
    }
    for (const more of [['--quick'], ['lag'], ['--against', 'x']]) {
      expect(() => argumentsOf(['--write', ...more])).to.throw('give it alone');
    }
    expect(() => argumentsOf(['--onyl', 'lag'])).to.throw('--onyl');
  });
});

describe('the table of the benches', () => {
  const row: BenchRow = {
    ...{ id: 'appends', what: 'appends', against: 'INSERT', atLeast: 2, details: '4/s to 2/s' },
    better: 'more',
    ...fromRounds([
      { ours: 4, theirs: 2 },
      { ours: 9, theirs: 3 },
      { ours: 5, theirs: 5 },
    ]),
  };

  it('has the median of the rounds and their spread', () => {
    expect(table([row]).split('\n')[2]).to.equal('| appends | INSERT | 2.00 | 1.00 to 3.00 | ≥ 2 | yes | 4/s to 2/s |');
    expect(table([{ ...row, ratio: 1.9, ratios: [1.9] }])).to.contain('| 1.90 | – | ≥ 2 | **no** |');
  });

  it('takes the spread of a long round from parts of it', () => {
    expect(parts([1, 2, 3, 4, 5, 6, 7], 3)).to.deep.equal([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  it('goes between the markers of its page and leaves the rest', () => {
    const page = '# P\n<!-- performance:begin -->\nold $1\n<!-- performance:end -->\nafter\n';
    const made = '# P\n<!-- performance:begin -->\n| $& |\n<!-- performance:end -->\nafter\n';
    expect(between(page, '| $& |')).to.equal(made);
    expect(() => between('<!-- performance:end -->\n<!-- performance:begin -->\n', '')).to.throw('no place');
  });

  it('makes no page of its own', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-page-'));
    const file = path.join(folder, 'performance.md');
    try {
      expect(() => pageFor(file)).to.throw(`${file} is not there`);
      writeFileSync(file, 'a page without markers\n');
      expect(() => pageFor(file)).to.throw(`${file}: it has no place for the table`);
      writeFileSync(file, '<!-- performance:begin -->\n<!-- performance:end -->\n');
      pageFor(file).write('new');
      expect(readFileSync(file, 'utf8')).to.equal('<!-- performance:begin -->\nnew\n<!-- performance:end -->\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
