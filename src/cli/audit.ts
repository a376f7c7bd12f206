import type { Command } from 'commander';
import { LOCATE_EVENTS_MAX } from '../eventstore/eventStore.ts';
import { difference, type FieldChange } from '../engine/ask/history.ts';
import type { Moment } from '../engine/ask/history.ts';
import { type AuditEntry, type AuditEnd, auditOrder, type OrderAudit, type UnreadableEntry } from './auditOrder.ts';
import { onShop } from './onShop.ts';
import { bold, clean, dim, pairs, printAll, red, shown } from './text.ts';
import { instant, uuid, whole } from './values.ts';

const who = ({ actor, who: person }: AuditEntry): string =>
  person === null ? shown(actor) : `${clean(person.name)} <${clean(person.email)}> ${dim(`(${actor})`)}`;

function why({ because, causation_id: cause }: AuditEntry, complete: boolean): string {
  if (because !== null) {
    const { type, stream, revision, position } = because;
    return `because of ${bold(clean(type))} ${dim(`(${clean(stream)} #${revision}, position ${position})`)}`;
  }
  if (cause === null) return 'asked for directly';
  const missing = complete
    ? 'is not in this log'
    : `was not found among the ${LOCATE_EVENTS_MAX.toLocaleString('en')} events before`;
  return `because of event ${cause}, which ${missing}`;
}

const change = ({ field, before, after }: FieldChange): readonly [string, string] => [
  field,
  before === null ? shown(after) : `${shown(before)} → ${shown(after)}`,
];

function told(entry: AuditEntry | UnreadableEntry, causesComplete: boolean): string {
  const title = bold(`#${entry.revision} ${clean(entry.type)}`);
  if ('unreadable' in entry) {
    return `${title}  ${red('unreadable')}: ${clean(entry.unreadable)}\n${pairs([['event', entry.event_id]], '  ')}`;
  }
  const { at, command, command_id, correlation_id, changes } = entry;
  const facts = [
    ['who', who(entry)],
    ['command', `${shown(command)} ${dim(`(${shown(command_id)})`)}`],
    ['why', why(entry, causesComplete)],
    ['correlation', dim(shown(correlation_id))],
  ] as const;
  const changed = changes.length === 0 ? '    (nothing that shows)' : pairs(changes.map(change), '    ');
  return `${title}  ${at}\n${pairs(facts, '  ')}\n  changed\n${changed}`;
}

function heading({ id, revision, newest_revision: newest }: OrderAudit): string {
  const which = revision === newest ? `revision ${revision}` : `as of revision ${revision} of ${newest}`;
  return bold(`Order ${id}, ${which}`);
}

function ending({ order, next }: AuditEnd): string {
  const more = next === undefined ? '' : `\n\nMore events follow: go on with --from ${next}`;
  const state =
    order === null ? '  (none: it has not been placed)' : pairs(difference(undefined, order).map(change), '  ');
  return `${more}\n\n${bold('State')}\n${state}\n`;
}

async function* asText(audit: OrderAudit): AsyncGenerator<string> {
  yield heading(audit);
  const pages = audit.read();
  for (let page = await pages.next(); ; page = await pages.next()) {
    if (page.done === true) {
      yield ending(page.value);
      return;
    }
    const { entries, causesComplete } = page.value;
    yield entries.map((entry) => `\n\n${told(entry, causesComplete)}`).join('');
  }
}

/** One JSON object in one line, written piece by piece. */
async function* asJson(audit: OrderAudit): AsyncGenerator<string> {
  const { read, ...facts } = audit;
  yield `${JSON.stringify(facts).slice(0, -1)},"history":[`;
  const pages = read();
  let separator = '';
  for (let page = await pages.next(); ; page = await pages.next()) {
    if (page.done === true) {
      yield `],${JSON.stringify(page.value).slice(1)}\n`;
      return;
    }
    yield separator + page.value.entries.map((entry) => JSON.stringify(entry)).join();
    separator = ',';
  }
}

interface Options extends Moment {
  readonly from?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const MORE = `
The order is read page by page, so a long one needs no more memory than a short one. --from and --limit choose the
events to show; the state is that after all of them, or after --revision or --as-of.`;

export function register(program: Command): void {
  program
    .command('audit')
    .description('show what happened, from the log itself')
    .command('order')
    .description('show an order event by event: when, who, which command, why, what it changed; then its state')
    .argument('<id>', "the order's id", uuid)
    .option('--as-of <instant>', 'as it was then, such as 2026-03-01T12:00:00Z', instant)
    .option('--revision <n>', 'as it was at that revision of its stream', whole(0))
    .option('--from <revision>', 'show the events from that revision on', whole(0))
    .option('--limit <n>', 'show that many events at most; all of them unless given', whole(1))
    .option('--json', 'as JSON')
    .addHelpText('after', MORE)
    .action((id: string, { json = false, from, limit, ...moment }: Options) =>
      onShop(
        async ({ shop }) => {
          const audit = await auditOrder(shop, id, { moment, from, limit });
          await printAll(json ? asJson(audit) : asText(audit));
        },
        { readOnly: true },
      ),
    );
}
