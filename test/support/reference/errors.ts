import { code, fenced, page, sentence, table } from './markdown.ts';
import { kinds, rules } from './refusals.ts';
import { CODES, problemJson, problemOf, Refusal } from './shop.ts';

const example = (): string => {
  const message = 'quantity must be a whole number from 1 to 999';
  const field = { code: 'VALIDATION_ERROR', field: 'quantity', message };
  const refusal = new Refusal('invalid', 'InvalidInput', message, { errors: [field] });
  const meta = JSON.stringify({ request_id: '0b5f…', timestamp: '2026-03-01T12:00:00.000Z' });
  const text = problemJson(problemOf(refusal), '/api/v1/cart/items', meta);
  return fenced('json', JSON.stringify(JSON.parse(text), undefined, 2));
};

const INTRODUCTION = `An error is \`application/problem+json\` (RFC 9457). \`type\` ends in the broken rule and \`errors[].code\` is one of the codes
below: both are stable, and a client may decide by them. \`title\`, \`detail\` and \`message\` are for people, and may be reworded. \`errors\`
names every invalid field at once.`;

const codeRows = (): string[][] =>
  Object.entries(CODES).map(([name, { status, title }]) => [code(name), String(status), sentence(title)]);

const kindRows = (): string[][] =>
  kinds().map(({ kind, meaning }) => {
    const { status, errors } = problemOf(new Refusal(kind, 'Rule', 'Sentence'));
    return [code(kind), sentence(meaning), String(status), code(errors[0]!.code)];
  });

/** The messages of a rule. A message that varies as a whole is left out. Without any message, the title of the code says enough. */
const told = (sentences: readonly string[]): string =>
  sentences
    .filter((one) => one !== '…')
    .join(' · ')
    .replaceAll('<', '\\<');

/** `docs/reference/errors.md`. */
export function errorsPage(): string {
  const all = rules();
  const statuses = [...new Set(all.map(({ status }) => status))].sort((a, b) => a - b);
  return page('Errors', '`src/errors.ts`, `src/http/api/problem.ts` and every place that refuses something', [
    INTRODUCTION,
    example(),
    '## Codes',
    table(['code', 'status', 'meaning'], codeRows()),
    '## Kinds of refusal',
    'Commands, queries and aggregates refuse by kind. The edge alone knows which status that is. A rule may have a code of its own.',
    table(['kind', 'meaning', 'status', 'code'], kindRows()),
    '## Rules',
    'Each is the end of a `type`: `/problems/EmptyCart`. `…` stands for what varies. A few are met on the command line alone.',
    ...statuses.flatMap((status) => [
      `### ${status}`,
      table(
        ['rule', 'code', 'what it says'],
        all
          .filter((one) => one.status === status)
          .map(({ rule, code: name, sentences }) => [code(rule), code(name), told(sentences)]),
      ),
    ]),
  ]);
}
