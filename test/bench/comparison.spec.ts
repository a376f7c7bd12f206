import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { edited, EDITS, figuresOf } from '../../bench/against/older.ts';
import { report } from '../../bench/against/report.ts';
import { compareBench, type Side } from '../../bench/against/rounds.ts';
import { judge, ROUNDS_MIN, type Turn } from '../../bench/against/verdict.ts';
import { BENCHES } from '../../bench/benches.ts';
import type { Figures } from '../../bench/row.ts';

const of = (...ratios: number[]): Turn[] => ratios.map((ratio) => ({ today: ratio * 50, other: 50 }));

describe('the verdict on a row of two commits', () => {
  it('is worse than its noise when every one of six rounds is worse', () => {
    expect(judge(of(0.9, 0.99, 0.95, 0.97, 0.98, 0.91), 'more')).to.deep.include({
      verdict: 'worse than its noise',
      from: 0.9,
      to: 0.99,
      ratio: 0.96,
    });
  });

  it('is within noise when a single one of six rounds is not worse', () => {
    expect(judge(of(0.9, 0.99, 0.95, 1.01, 0.98, 0.91), 'more').verdict).to.equal('within noise');
  });

  it('turns over where less is better', () => {
    const more = of(1.1, 1.2, 1.05, 1.3, 1.01, 1.02);
    expect(judge(more, 'more').verdict).to.equal('better');
    expect(judge(more, 'less').verdict).to.equal('worse than its noise');
  });

  it('lets two rounds of twelve be otherwise, three not', () => {
    const worse = Array.from({ length: 9 }, (_, index) => 0.9 + index / 100);
    const two = judge(of(...worse, 0.985, 1.1, 1.2), 'more');
    expect(two).to.deep.include({ verdict: 'worse than its noise', from: 0.92, to: 0.985 });
    expect(judge(of(...worse, 1.05, 1.1, 1.2), 'more').verdict).to.equal('within noise');
  });

  it('says nothing of fewer rounds than can tell', () => {
    const few = Array.from({ length: ROUNDS_MIN - 1 }, () => 0.5);
    expect(judge(of(...few), 'more').verdict).to.equal('too few rounds');
    expect(judge(of(...few, 0.5), 'more').verdict).to.equal('worse than its noise');
  });

  it('refuses figures that cannot be compared', () => {
    expect(() => judge([], 'more')).to.throw('no figures to compare');
    expect(() => judge(of(1, 0, 1), 'more')).to.throw('no figures to compare');
    expect(() => judge(of(1, NaN, 1), 'more')).to.throw('no figures to compare');
  });

  it('calls equal commits worse in at most one of forty runs, whatever the number of rounds', () => {
    for (const rounds of [6, 7, 9]) {
      const all = 2 ** rounds;
      let worse = 0;
      for (let coins = 0; coins < all; coins += 1) {
        const ratios = Array.from({ length: rounds }, (_, bit) => ((coins >> bit) & 1 ? 1.01 : 0.99));
        if (judge(of(...ratios), 'more').verdict === 'worse than its noise') worse += 1;
      }
      expect(worse / all, `${rounds} rounds`).to.be.within(1 / all, 0.025);
    }
  });

  it('does not depend on which side is called today, nor on the order of the rounds', () => {
    const turn = fc.record({ today: fc.integer({ min: 1, max: 99 }), other: fc.integer({ min: 1, max: 99 }) });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 6, maxLength: 9 }), (turns) => {
        const swapped = turns.map(({ today, other }) => ({ today: other, other: today })).reverse();
        const opposite = { better: 'worse than its noise', 'worse than its noise': 'better' } as Record<string, string>;
        const { verdict } = judge(turns, 'more');
        expect(judge(swapped, 'more').verdict).to.equal(opposite[verdict] ?? verdict);
        expect(judge(swapped, 'less').verdict).to.equal(verdict);
      }),
    );
  });
});

describe('the rounds of a comparison', () => {
  /** A side whose turns return these figures of `appends`, one after the other. Records its turns in `log`. */
  const sideOf = (name: string, figures: readonly number[], log: string[], more: readonly Figures[] = []): Side => {
    let turn = 0;
    return {
      has: () => true,
      turn: () => {
        log.push(name);
        const figure = figures[turn++ % figures.length]!;
        return Promise.resolve([{ id: 'appends', better: 'more', figures: [figure] }, ...more]);
      },
    };
  };

  it('give both sides their turn, the first of each round changing', async () => {
    const log: string[] = [];
    const sides = { today: sideOf('today', [1, 2, 4], log), other: sideOf('other', [2], log) };
    const { compared } = await compareBench(sides, 'appends', 3, () => undefined);
    expect(log.join(' ')).to.equal('today other other today today other');
    expect(compared[0]?.turns.map(({ today, other }) => today / other)).to.deep.equal([0.5, 1, 2]);
  });

  it('are as many again, all counted, where a row comes out worse, and no more than that', async () => {
    const unlucky = [9, 9, 9, 9, 9, 9, 11, 11, 11, 9, 9, 9];
    const told: string[] = [];
    const sides = { today: sideOf('today', unlucky, []), other: sideOf('other', [10], []) };
    const { compared } = await compareBench(sides, 'appends', 6, (line: string) => told.push(line));
    expect(compared[0]?.turns).to.have.length(12);
    expect(compared[0]?.judgement.verdict).to.equal('within noise');
    expect(told.join('\n')).to.contain('appends: a row is worse than its noise; 6 more rounds, and all of them count');
    const slow = { today: sideOf('today', [9], []), other: sideOf('other', [10], []) };
    const lines: string[] = [];
    const again = await compareBench(slow, 'appends', 6, (line: string) => lines.push(line));
    expect(again.compared[0]?.turns).to.have.length(12);
    expect(lines.filter((line) => line.includes('more rounds'))).to.have.length(1);
    expect(again.compared[0]?.judgement.verdict).to.equal('worse than its noise');
  });

  it('say which rows only one side has', async () => {
    const [mine, theirs] = ['mine', 'theirs'].map((id) => ({ id, better: 'more', figures: [1] }) as const);
    const sides = { today: sideOf('today', [1], [], [mine!]), other: sideOf('other', [1], [], [theirs!]) };
    const { compared, alone } = await compareBench(sides, 'appends', 6, () => undefined);
    expect(compared.map(({ id }) => id)).to.deep.equal(['appends']);
    expect(alone).to.deep.equal(['mine', 'theirs']);
  });

  it('fail where a row is missing in one of them', async () => {
    let turn = 0;
    const forgetful: Side = {
      has: () => true,
      turn: () => Promise.resolve(turn++ < 2 ? [{ id: 'appends', better: 'more', figures: [1] }] : []),
    };
    const sides = { today: sideOf('today', [1], []), other: forgetful };
    const failure = await compareBench(sides, 'appends', 6, () => undefined).catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('message', 'a round lacks appends');
  });
});

describe('the report of a comparison', () => {
  it('has the median and the spread of each side, the ratio with its noise, and the verdict', () => {
    const turns = [100, 110, 120, 130, 140, 150].map((today) => ({ today, other: 2 * today }));
    const row = { id: 'appends', better: 'more', turns, judgement: judge(turns, 'more') } as const;
    expect(report([row], 'abc1234').split('\n')[2]).to.equal(
      '| appends | more is better | 125 (100 to 150) | 250 (200 to 300) | 6 | 0.500 | 0.500 to 0.500 | worse than its noise |',
    );
  });
});

describe('the benches of an older commit', () => {
  it('tell what was measured by the first figure of each row', () => {
    const details = ['14,072/s to 0/s; server 145 MB', '3,732/s to 0/s; server 152 MB', '373/s to 0/s; server 190 MB'];
    expect(
      figuresOf(
        'http',
        details.map((text) => ({ ratio: 0.5, details: text })),
      ),
    ).to.deep.equal([
      { id: 'cached-get', better: 'more', figures: [14_072] },
      { id: 'cart-post', better: 'more', figures: [3_732] },
      { id: 'hot-checkout', better: 'more', figures: [373] },
    ]);
    const loads = { ratio: 0.85, details: 'p50 0.49123 ms against 0.58 ms; the long one cold: 119 ms' };
    expect(figuresOf('loads', [loads])).to.deep.equal([{ id: 'warm-load', better: 'less', figures: [0.49123] }]);
    const appends = { ratio: 2.26, details: '12270/s against 5726/s; rounds from 1.97 to 2.70' };
    expect(figuresOf('appends', [appends])[0]?.figures).to.deep.equal([12_270]);
    const lag = { ratio: 10.61, details: 'p50 1.9 ms, p99 10.6 ms, worst 25.9 ms of 5,000' };
    expect(figuresOf('lag', [lag])[0]?.figures).to.deep.equal([10.61]);
  });

  it('are refused when they tell something else', () => {
    expect(() => figuresOf('http', [{ ratio: 1, details: '1/s to 2/s' }])).to.throw('http answered 1 rows, not 3');
    expect(() => figuresOf('relay', [{ ratio: 1, details: 'fast' }])).to.throw('relay tells no figure: fast');
  });

  it('are edited only where the text stands once', () => {
    const edit = { file: 'bench/http.ts', from: 'ROUNDS = 5;', to: 'ROUNDS = $1;' };
    expect(edited('const ROUNDS = 5;\n', edit)).to.equal('const ROUNDS = $1;\n');
    expect(() => edited('const ROUNDS = 7;', edit)).to.throw('bench/http.ts does not hold "ROUNDS = 5;" once');
    expect(() => edited('ROUNDS = 5; ROUNDS = 5;', edit)).to.throw('once');
  });

  it('take an odd number of rounds per turn: of an even one they told another median', () => {
    for (const [name, { roundsPerTurn }] of Object.entries(BENCHES)) expect(roundsPerTurn % 2, name).to.equal(1);
    expect(EDITS.map(({ file }) => path.basename(file, '.ts'))).to.include.members(['http', 'appends', 'load']);
  });
});
