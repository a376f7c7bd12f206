import type { Command } from 'commander';
import {
  LISTED_MAX,
  listDeadLetters,
  type ListRequest,
  requestRetry,
  requestSkip,
  showDeadLetter,
  type DeadLetterDetail,
} from '../engine/follow/deadLetterRequests.ts';
import { type DeadLetter } from '../engine/follow/deadLetters.ts';
import { didYouMean, isRefusal } from '../errors.ts';
import { consumerNames, consumersIn } from './followers.ts';
import { onLog, operator } from './onShop.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { bold, clean, pairs, red, table, type Column } from './text.ts';
import { uuid, uuids, whole, words } from './values.ts';

const REASON_CHARS_MAX = 60;

const shortened = (text: string): string =>
  text.length > REASON_CHARS_MAX ? `${text.slice(0, REASON_CHARS_MAX - 1)}…` : text;

const COLUMNS: readonly Column<DeadLetter>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'CONSUMER', text: ({ consumer }) => consumer },
  { title: 'EVENT', text: ({ type, position }) => `${type} @${position}` },
  { title: 'STREAM', text: ({ stream, revision }) => `${stream} #${revision}` },
  { title: 'STATUS', text: ({ status }) => status },
  { title: 'TRIED', right: true, text: ({ attempts }) => String(attempts) },
  { title: 'REASON', text: ({ reason }) => shortened(reason ?? '–') },
];

const plain = <L extends DeadLetter>({ position, revision, ...letter }: L) => ({
  ...letter,
  position: String(position),
  revision: String(revision),
});

interface ListOptions extends ListRequest {
  readonly json?: boolean;
}

/** A consumer is a handler or read model of this version, or another that has left a trace in this shop. */
async function mustBeConsumer(pool: Pool, name: string): Promise<void> {
  const known = [...consumerNames(), ...(await consumersIn(pool))];
  if (known.includes(name)) return;
  const there = [...new Set(known)].sort().join(', ');
  throw new Error(`There is no consumer ${clean(name)}${didYouMean(name, known) || '.'} There are: ${clean(there)}.`);
}

const list = ({ json = false, limit = LISTED_MAX, ...wanted }: ListOptions): Promise<void> =>
  onLog(async ({ pool }) => {
    if (wanted.consumer !== undefined) await mustBeConsumer(pool, wanted.consumer);
    const letters = await listDeadLetters(pool, { ...wanted, limit });
    const last = letters.at(-1);
    if (json) console.log(JSON.stringify(letters.map(plain)));
    else if (last === undefined) console.log('No dead letters.');
    else console.log(table(COLUMNS, letters));
    if (last === undefined || letters.length < limit) return;
    const [next] = await listDeadLetters(pool, { ...wanted, after: last.id, limit: 1 });
    if (next !== undefined) console.error(`There are more: go on with --after ${last.id}`);
  });

function print(letter: DeadLetterDetail): void {
  const facts = [
    ['consumer', letter.consumer],
    ['status', letter.status],
    ['event', `${letter.type} ${letter.eventId}`],
    ['stream', `${letter.stream} #${letter.revision}, position ${letter.position}`],
    ['tried', `${letter.attempts} times`],
    ['reason', letter.reason ?? '–'],
    ['since', letter.createdAt],
    ['changed', letter.updatedAt],
  ] as const;
  console.log(bold(`Dead letter ${letter.id}`));
  console.log(
    pairs(
      facts.map(([name, value]) => [name, clean(value)]),
      '  ',
    ),
  );
  const payload = JSON.stringify(letter.payload, null, 2).split('\n').map(clean).join('\n  ');
  console.log(`\n${bold('Payload')}\n  ${payload}\n\n${bold('What operators did')}`);
  const acts = letter.acts.map(({ at, actor, act, note }) => `  ${at}  ${act} by ${actor}${note ? `: ${note}` : ''}`);
  console.log(acts.length === 0 ? '  nothing yet' : acts.map(clean).join('\n'));
}

const show = (id: string, { json = false }: { json?: boolean }): Promise<void> =>
  onLog(async ({ pool }) => {
    const letter = await showDeadLetter(pool, id);
    if (json) console.log(JSON.stringify(plain(letter)));
    else print(letter);
  });

/** Makes one request per id: a refused one does not stop the others. */
const ask = (act: 'retry' | 'skip', ids: readonly string[], note?: string): Promise<void> =>
  onLog(async ({ pool }) => {
    const request = act === 'retry' ? requestRetry : requestSkip;
    const actor = operator().id;
    let failed = 0;
    for (const id of [...new Set(ids)]) {
      try {
        await request(pool, { id, actor, ...(note === undefined ? {} : { note }) });
        console.log(`${id}: asked to ${act}`);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        failed += 1;
        console.log(`${id}: ${red(clean(error.message))}`);
      }
    }
    if (failed > 0) throw new Error(`${failed} of ${ids.length} could not be asked to ${act}.`);
    console.log(`A running server does it within a second; if none runs, the next one does it when it starts.`);
  });

export function register(program: Command): void {
  const letters = program
    .command('dead-letters')
    .description('events that a handler or projection could not take, and those waiting behind them');
  letters
    .command('list')
    .description('list the open ones, oldest first')
    .option('--consumer <name>', 'of this one only, such as payment or projection:orders', words)
    .option('--closed', 'also those that are done with')
    .option('--after <id>', 'those that come after this one', uuid)
    .option('--limit <n>', `that many at most; ${LISTED_MAX} unless given`, whole(1, LISTED_MAX))
    .option('--json', 'as JSON')
    .action(list);
  letters
    .command('show')
    .description('show one with its event and everything that was done about it')
    .argument('<id>', 'its id', uuid)
    .option('--json', 'as JSON')
    .action(show);
  letters
    .command('retry')
    .description('handle them again, with the events that wait behind them')
    .argument('<id...>', 'their ids', uuids)
    .action((ids: readonly string[]) => ask('retry', ids));
  letters
    .command('skip')
    .description('skip them permanently and handle the events that wait behind them')
    .argument('<id...>', 'their ids', uuids)
    .requiredOption('--reason <text>', 'why; it is kept with the dead letters', words)
    .action((ids: readonly string[], { reason }: { reason: string }) => ask('skip', ids, reason));
}
