import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { stockDecider } from '../src/aggregates/stock.ts';
import { createAggregates } from '../src/engine/decide/handle.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import type { CrowdTold, CrowdWork } from './crowdProcess.ts';
import { fromRounds, medians, roundsOf, type Round } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const PROCESSES = 2;
const CALLERS = 32;
const ROUNDS = 3;
const RESERVATIONS = 4_000;
const RESERVATIONS_QUICK = 200;
const STOCK = 1_000_000;
const PROGRAM = path.join(import.meta.dirname, `crowdProcess${path.extname(import.meta.filename)}`);

interface Measured {
  readonly p99: number;
  readonly refusedPerThousand: number;
}

/** A new product with enough on hand. */
async function stocked(url: string): Promise<string> {
  const store = await createPostgresEventStore({ url });
  const [product, id] = [randomUUID(), randomUUID()];
  const data = { quantity: STOCK };
  const command = {
    type: 'ReceiveStock',
    data,
    id,
    actor: 'bench',
    now: new Date().toISOString(),
    correlationId: id,
  } as const;
  await createAggregates({ store }).handle(stockDecider, product, command);
  await store.close();
  return product;
}

async function said(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the crowd ended with ${String(code)}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
  ended.catch(() => undefined);
  return message;
}

/** Lets processes reserve stock of one product at the same time. */
async function crowd(url: string, rule: CrowdWork['rule'], reservations: number): Promise<Measured> {
  const work: CrowdWork = { url, product: await stocked(url), rule, callers: CALLERS, reservations };
  const children = Array.from({ length: PROCESSES }, () => fork(PROGRAM, [JSON.stringify(work)]));
  await Promise.all(children.map(said));
  const told = (await Promise.all(
    children.map((child) => {
      child.send('start');
      return said(child);
    }),
  )) as CrowdTold[];
  const times = told.flatMap((one) => one.times).sort((a, b) => a - b);
  const refused = told.reduce((sum, one) => sum + one.refused, 0);
  return { p99: times[Math.floor(times.length * 0.99)] ?? NaN, refusedPerThousand: (1_000 * refused) / times.length };
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url, quick } = options;
  const alone = options.rounds !== undefined;
  const reservations = quick ? RESERVATIONS_QUICK : RESERVATIONS;
  const rounds: Round[] = [];
  const refused: Round[] = [];
  for (let round = 0; round < roundsOf(options, ROUNDS); round += 1) {
    const ours = await crowd(url, 'ours', reservations);
    const theirs = alone ? undefined : await crowd(url, 'impatient', reservations);
    rounds.push({ ours: ours.p99, theirs: theirs?.p99 ?? NaN });
    refused.push({ ours: ours.refusedPerThousand, theirs: theirs?.refusedPerThousand ?? NaN });
  }
  const { ours, theirs } = medians(rounds);
  const refusals = medians(refused);
  return [
    {
      id: 'crowd',
      better: 'less',
      what: 'reservations of one product from two processes, 32 callers each, p99',
      against: 'the same with the rule before: eight attempts without a pause (time)',
      ...fromRounds(rounds),
      details:
        `p99 ${ours.toFixed(0)} ms against ${theirs.toFixed(0)} ms; ` +
        `refused of 1,000: ${refusals.ours.toFixed(1)} against ${refusals.theirs.toFixed(1)}`,
    },
  ];
}
