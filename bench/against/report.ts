import { median } from '../measure.ts';
import type { Figures } from '../row.ts';
import { rounded } from '../table.ts';
import type { Judgement, Turn } from './verdict.ts';

/** A row measured on both commits, with the figures of each round. */
export interface Compared {
  readonly id: string;
  readonly better: Figures['better'];
  readonly turns: readonly Turn[];
  readonly judgement: Judgement;
}

const side = (values: readonly number[]): string =>
  `${rounded(median(values))} (${rounded(Math.min(...values))} to ${rounded(Math.max(...values))})`;

function cells({ id, better, turns, judgement }: Compared): string[] {
  const { ratio, from, to, verdict } = judgement;
  return [
    id,
    `${better} is better`,
    side(turns.map(({ today }) => today)),
    side(turns.map(({ other }) => other)),
    String(turns.length),
    ratio.toFixed(3),
    `${from.toFixed(3)} to ${to.toFixed(3)}`,
    verdict,
  ];
}

/** The comparison as a table in Markdown. */
export function report(rows: readonly Compared[], other: string): string {
  const head = ['row', '', 'this tree', other, 'rounds', 'ratio', 'noise', 'verdict'];
  const lines = [head, head.map(() => '---'), ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`);
  return [
    ...lines,
    '',
    `Each side: the median of its rounds (least to most). Ratio: this tree to ${other}, the median of the rounds' ratios.`,
    'Noise: the range in which the true median ratio lies, with 95 % confidence or more. A row is worse than its noise when that',
    'whole range is on the worse side of 1.',
  ].join('\n');
}
