import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { must, request, type Answer } from '../support/shop.ts';
import type { Account } from './kept.ts';
import type { Place } from './place.ts';

/** A caller without an account. */
export const ANYBODY = 'anybody';
/** A caller that uses the command line. */
export const OPERATOR = 'operator';
const AT_ONCE = 8;

export interface Question {
  /** The name of an account, `ANYBODY` or `OPERATOR`. */
  readonly as: string;
  /** A path below the API's base path; for the operator, a command. */
  readonly ask: string;
}

/** A question and its answer, without the parts that differ each time. */
export interface Kept extends Question {
  /** The HTTP status; for a command, its exit code. */
  readonly status: number;
  /** The first part of the ETag. */
  readonly revision: string | null;
  readonly body: string;
}

export interface Caller {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

const callerFor = (place: Place, token?: string): Caller => ({
  // A read model may lag for a moment. The API then answers 503.
  call: (method, path, body, headers = {}) =>
    eventually(`${method} ${path} is answered`, async () => {
      const options = { body, headers, ...(token === undefined ? {} : { token }) };
      const answer = await request(place.url(), method, path, options);
      return method === 'GET' && answer.status === 503 ? undefined : answer;
    }),
});

export async function signIn(place: Place, { email, password }: Account): Promise<Caller> {
  const { data } = must(await request(place.url(), 'POST', '/auth/login', { body: { email, password } }), 200);
  return callerFor(place, data.access_token);
}

/** Removes the id and the time of a request, and the wording of a refusal, which may change. */
function withoutVolatile({ status, text }: Answer): string {
  const named = text.replace(/"(request_id|timestamp)":"[^"]*"/g, '"$1":"…"');
  return status < 400 ? named : named.replace(/"(detail|message)":"(?:[^"\\]|\\.)*"/g, '"$1":"…"');
}

type Asking = (question: Question) => Promise<Kept>;

/** A function that asks a question as the caller whom the question names. */
async function askerOf(place: Place, accounts: Readonly<Record<string, Account>>): Promise<Asking> {
  const callers: Record<string, Caller> = { [ANYBODY]: callerFor(place) };
  for (const [name, account] of Object.entries(accounts)) callers[name] = await signIn(place, account);
  return async (question) => {
    const { as, ask } = question;
    if (as === OPERATOR) {
      const body = await place.run(ask.split(' '));
      return { ...question, status: 0, revision: null, body };
    }
    const caller = callers[as];
    if (caller === undefined) throw new Error(`nobody is called ${as}`);
    const answer = await caller.call('GET', ask);
    const revision = /^"(-?\d+)/.exec(answer.headers.get('etag') ?? '')?.[1] ?? null;
    return { ...question, status: answer.status, revision, body: withoutVolatile(answer) };
  };
}

interface Cart {
  readonly data: { readonly items: readonly { readonly available: boolean }[] };
}

/** Today's answer in the form that kept answers have where answers were changed on purpose. */
function asKept(answer: Kept): Kept {
  // Since then a cart also shows the products that can no longer be bought, and says of each line whether it can, and its currency.
  if (answer.ask !== '/cart' || answer.status !== 200) return answer;
  const { data, ...rest } = JSON.parse(answer.body) as Cart;
  const items = data.items
    .filter(({ available }) => available)
    .map((line) =>
      Object.fromEntries(Object.entries(line).filter(([name]) => name !== 'available' && name !== 'currency')),
    );
  return { ...answer, body: JSON.stringify({ data: { ...data, items }, ...rest }) };
}

/** Fields that answers have gained since a shop was kept. */
const GAINED: ReadonlySet<string> = new Set([
  'rating',
  'parent_id',
  'images',
  'logos',
  'status',
  'next',
  'low_stock_threshold',
  'email_verified',
  'second_factor',
]);

/** Today's value without the fields that it has gained: those of `GAINED` that the kept value lacks. */
function withoutGained(is: unknown, was: unknown): unknown {
  if (Array.isArray(is) && Array.isArray(was)) return is.map((item, at) => withoutGained(item, was[at]));
  if (!isObject(is) || !isObject(was)) return is;
  const kept = Object.entries(is).filter(([name]) => name in was || !GAINED.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutGained(value, was[name])]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Today's answer as it would be without the fields that it has gained since the kept one. */
function comparable(is: Kept, was: Kept): Kept {
  if (is.body === was.body || !is.body.startsWith('{') || !was.body.startsWith('{')) return is;
  return { ...is, body: JSON.stringify(withoutGained(JSON.parse(is.body), JSON.parse(was.body))) };
}

const readable = ({ body, ...kept }: Kept): string =>
  `${JSON.stringify(kept)}\n${JSON.stringify(JSON.parse(body), null, 1)}`;

/** Asks all questions, several at a time. The answers are in the order of the questions. */
export async function askAll(
  place: Place,
  accounts: Readonly<Record<string, Account>>,
  questions: readonly Question[],
): Promise<Kept[]> {
  const ask = await askerOf(place, accounts);
  const answers: Kept[] = [];
  const left = questions.entries();
  const work = async (): Promise<void> => {
    for (const [index, question] of left) answers[index] = await ask(question);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/** Asks all questions again. Fails with the first difference from the kept answers. `isEarlier`: those of the first kept shop. */
export async function expectSameAnswers(
  place: Place,
  accounts: Readonly<Record<string, Account>>,
  kept: readonly Kept[],
  { isEarlier }: { readonly isEarlier: boolean },
): Promise<void> {
  const questions = kept.map(({ as, ask }) => ({ as, ask }));
  const answers = await askAll(place, accounts, questions);
  const differing = kept
    .map((was, index) => {
      const today = isEarlier ? asKept(answers[index]!) : answers[index]!;
      return { was, is: comparable(today, was) };
    })
    .filter(({ was, is }) => JSON.stringify(is) !== JSON.stringify(was));
  const [first] = differing;
  if (first === undefined) return;
  const which = differing.map(({ was: { as, ask } }) => `${as}: ${ask}`).join('\n  ');
  const told = `${differing.length} of ${kept.length} answers differ:\n  ${which}\nthe first of them`;
  expect(readable(first.is), told).to.equal(readable(first.was));
  expect(first.is, told).to.deep.equal(first.was);
}
