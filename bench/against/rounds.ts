import { median } from '../measure.ts';
import type { Figures } from '../row.ts';
import type { Compared } from './report.ts';
import { judge, type Turn } from './verdict.ts';

/** A built tree. */
export interface Side {
  has(bench: string): boolean;
  /** Runs one of its benches on a new database. */
  turn(bench: string): Promise<Figures[]>;
}

export type Sides = Readonly<Record<keyof Turn, Side>>;
type Answers = Readonly<Record<keyof Turn, readonly Figures[]>>;

/** One round: each side takes one turn. The side that goes first alternates. */
async function oneRound({ today, other }: Sides, bench: string, round: number): Promise<Answers> {
  const early = round % 2 === 0 ? await today.turn(bench) : undefined;
  const theirs = await other.turn(bench);
  return { today: early ?? (await today.turn(bench)), other: theirs };
}

type Row = Pick<Compared, 'id' | 'better' | 'turns'>;

function figureOf(answer: readonly Figures[], id: string): number {
  const row = answer.find((one) => one.id === id);
  if (row === undefined) throw new Error(`a round lacks ${id}`);
  return median(row.figures);
}

const has = (answer: readonly Figures[], id: string): boolean => answer.some((row) => row.id === id);

/** The rows that both sides have, with the figures of each round. */
const rowsOf = (rounds: readonly Answers[]): Row[] =>
  rounds[0]!.today
    .filter(({ id }) => has(rounds[0]!.other, id))
    .map(({ id, better }) => ({
      ...{ id, better },
      turns: rounds.map(({ today, other }) => ({ today: figureOf(today, id), other: figureOf(other, id) })),
    }));

/** Rows that only one side has. */
const aloneIn = ({ today, other }: Answers): string[] =>
  [...today, ...other].map(({ id }) => id).filter((id) => !has(today, id) || !has(other, id));

const judged = (rounds: readonly Answers[]): Compared[] =>
  rowsOf(rounds).map((row) => ({ ...row, judgement: judge(row.turns, row.better) }));

export const isWorse = ({ judgement }: Compared): boolean => judgement.verdict === 'worse than its noise';

const ratiosOf = (answers: Answers): string =>
  rowsOf([answers])
    .map(({ id, turns }) => `${id} ${(turns[0]!.today / turns[0]!.other).toFixed(3)}`)
    .join(', ');

export interface Outcome {
  readonly compared: readonly Compared[];
  readonly alone: readonly string[];
}

/** All rounds of a bench. If a row comes out worse, runs as many again, so that chance alone rarely decides. */
export async function compareBench(sides: Sides, bench: string, rounds: number, say = console.log): Promise<Outcome> {
  const done: Answers[] = [];
  let most = rounds;
  while (done.length < most) {
    const began = Date.now();
    const answers = await oneRound(sides, bench, done.length);
    done.push(answers);
    const seconds = ((Date.now() - began) / 1_000).toFixed(0);
    say(`${bench}, round ${done.length} of ${most}: ${ratiosOf(answers)} (${seconds} s)`);
    if (done.length !== rounds || !judged(done).some(isWorse)) continue;
    most = 2 * rounds;
    say(`${bench}: a row is worse than its noise; ${rounds} more rounds, and all of them count`);
  }
  return { compared: judged(done), alone: aloneIn(done[0]!) };
}
