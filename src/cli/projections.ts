import type { Command } from 'commander';
import { EVENTS_COUNTED_MAX } from '../eventstore/scan.ts';
import { projectionNames } from '../projections/index.ts';
import { projectionStatus, type ProjectionStatus } from '../engine/project/status.ts';
import { deadlinesStatus, handlerStatus, type DeadlinesStatus, type HandlerStatus } from './followers.ts';
import { onLog } from './onShop.ts';
import { clean, pairs, table, type Column } from './text.ts';

type Status = (ProjectionStatus | HandlerStatus) & { readonly kind: 'projection' | 'handler' };

const ERROR_CHARS_MAX = 80;

const shortened = (text: string): string =>
  text.length > ERROR_CHARS_MAX ? `${text.slice(0, ERROR_CHARS_MAX - 1)}…` : text;

/** In a log whose positions do not count events, the lag is counted only up to a bound. */
const lagText = (lag: bigint, contiguous: boolean): string =>
  contiguous || lag <= EVENTS_COUNTED_MAX ? String(lag) : `> ${EVENTS_COUNTED_MAX}`;

const columns = (contiguous: boolean): readonly Column<Status>[] => [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'POSITION', right: true, text: ({ position }) => String(position) },
  { title: 'HEAD', right: true, text: ({ head }) => String(head) },
  { title: 'LAG', right: true, text: ({ lag }) => lagText(lag, contiguous) },
  { title: 'STATE', text: ({ state }) => state },
  { title: 'PARKED', right: true, text: ({ parked }) => String(parked) },
  { title: 'LAST ERROR', text: ({ lastError = '–' }) => shortened(lastError) },
];

function print(statuses: readonly Status[], deadlines: DeadlinesStatus, contiguous: boolean): void {
  const { state, waiting, overdue, next } = deadlines;
  const due = next === null ? '' : `, the next at ${next}`;
  console.log(table(columns(contiguous), statuses));
  console.log(`\n${pairs([['deadlines', clean(`${state}, ${waiting} waiting${due}, ${overdue} overdue`)]])}`);
  if (statuses.some(({ parked }) => parked > 0)) {
    console.log('\nSome events are parked: see "cartulary dead-letters list".');
  }
}

/** Writes bigint values, such as positions, as text. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

export function register(program: Command): void {
  program
    .command('projections')
    .description('show how far read models, handlers and deadlines are, and what is wrong with them')
    .option('--json', 'as JSON')
    .action(({ json: asJson = false }: { json?: boolean }) =>
      onLog(async ({ pool, store }) => {
        const head = await store.head();
        const models = await projectionStatus(pool, store, projectionNames);
        const handlers = await handlerStatus(pool, store, head);
        const deadlines = await deadlinesStatus(pool);
        if (asJson) {
          console.log(json({ head: head.position, projections: models, handlers, deadlines }));
          return;
        }
        const statuses: Status[] = [
          ...models.map((status) => ({ ...status, kind: 'projection' as const })),
          ...handlers.map((status) => ({ ...status, kind: 'handler' as const })),
        ];
        print(statuses, deadlines, store.contiguous);
      }),
    );
}
