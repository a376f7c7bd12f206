import { Type } from 'typebox';
import type { CommandContext } from '../../src/engine/decide/context.ts';
import { defineCommand } from '../../src/commands/contract.ts';
import { missing, Refusal, type RefusalKind, unauthenticated } from '../../src/errors.ts';
import { streamOf } from '../../src/eventstore/eventStore.ts';
import { paginate } from '../../src/engine/ask/query.ts';
import { defineQuery } from '../../src/queries/contract.ts';
import { account, type Account } from '../support/account.ts';

/** The smallest API that has every kind of route. Its accounts are those of `support/account.ts`. */

const Fields = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const Id = Type.String({ format: 'uuid' });
const AccountView = Fields({ id: Id, balance: Type.Number(), changes: Type.Number() });
const view = (id: string, { balance, changes }: Account) => ({ id, balance, changes });

/** State by which tests hold a running command, or see how often one ran. */
export const stage = {
  ran: 0,
  queried: 0,
  /** The answer of `GET /labels/:id`. */
  label: 'first',
  gate: undefined as Promise<void> | undefined,
  /** Runs when a deposit is recorded, before its answer is made. */
  afterEffect: undefined as (() => Promise<void>) | undefined,
  refusal: { kind: 'rejected' as RefusalKind, code: undefined as string | undefined },
};

async function deposit(context: CommandContext, id: string, amount: number, pinned = false) {
  stage.ran += 1;
  await stage.gate;
  const { state, revision } = await context.handle(account, id, { type: 'Deposit', data: { amount } }, { pinned });
  await stage.afterEffect?.();
  return { data: view(id, state), revision };
}

const openAccount = defineCommand({
  name: 'OpenAccount',
  summary: 'Open an account',
  tag: 'accounts',
  route: 'POST /accounts',
  aliases: ['POST /konten'],
  access: 'anyone',
  body: Fields({
    amount: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    owner: Type.Optional(Fields({ name: Type.String({ minLength: 1, maxLength: 20 }) })),
    limit: Type.Optional(
      Type.Union([
        Type.String({ maxLength: 9, pattern: '^[0-9]+$', description: 'digits such as 250' }),
        Type.Number({ minimum: 0, maximum: 1_000 }),
      ]),
    ),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 5 }), { maxItems: 3 })),
  }),
  status: 201,
  result: AccountView,
  codes: ['INSUFFICIENT_STOCK'],
  run: ({ body }, context) => deposit(context, context.derive('account'), body.amount),
});

const addTo = defineCommand({
  name: 'AddToAccount',
  summary: 'Add to an account',
  tag: 'accounts',
  route: 'PUT /accounts/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  body: Fields({ amount: Type.Integer({ minimum: 1, maximum: 1_000_000 }) }),
  result: AccountView,
  run: ({ params, body }, context) => deposit(context, params.id, body.amount, true),
});

const refuse = defineCommand({
  name: 'Refuse',
  summary: 'Refuse, as the stage says',
  tag: 'accounts',
  route: 'POST /refusals',
  access: 'anyone',
  result: Type.Null(),
  run() {
    stage.ran += 1;
    const { kind, code } = stage.refusal;
    throw new Refusal(kind, 'StageRefuses', 'The stage refuses.', code === undefined ? {} : { code });
  },
});

const unknown = defineCommand({
  name: 'Unknown',
  summary: 'Not know whether anything was recorded',
  tag: 'accounts',
  route: 'POST /unknown',
  access: 'anyone',
  result: Type.Null(),
  async run() {
    await stage.afterEffect?.();
    return { data: null };
  },
});

const breakDown = defineCommand({
  name: 'BreakDown',
  summary: 'Have a bug',
  tag: 'accounts',
  route: 'POST /bugs',
  access: 'anyone',
  result: Type.Null(),
  run() {
    stage.ran += 1;
    throw new TypeError('SELECT secret FROM people failed');
  },
});

const lie = defineCommand({
  name: 'Lie',
  summary: 'Answer something else than declared',
  tag: 'accounts',
  route: 'POST /lies',
  access: 'anyone',
  result: Type.Number(),
  run: () => Promise.resolve({ data: 'no number' }),
});

const adminOnly = defineCommand({
  name: 'AdminOnly',
  summary: 'For the admin',
  tag: 'admin',
  route: 'POST /admin/things',
  access: ['admin'],
  result: Fields({ actor: Type.String() }),
  run: (_input, { actor }) => Promise.resolve({ data: { actor: actor.id } }),
});

const signIn = defineCommand({
  name: 'SignIn',
  summary: 'Attempt to sign in',
  tag: 'auth',
  route: 'POST /sign-in',
  access: 'anyone',
  limit: 'login',
  security: 'login',
  about: (body) => (body as { email: string }).email,
  body: Fields({ email: Type.String({ maxLength: 100 }), wrong: Type.Optional(Type.Boolean()) }),
  result: Type.Null(),
  run({ body }) {
    if (body.wrong === true) unauthenticated('WrongCredentials', 'E-mail or password is wrong.');
    return Promise.resolve({ data: null });
  },
});

const changeSecret = defineCommand({
  name: 'ChangeSecret',
  summary: 'Attempt to change a secret',
  tag: 'auth',
  route: 'PUT /secrets',
  access: 'user',
  limit: 'login',
  result: Type.Null(),
  run: () => Promise.resolve({ data: null }),
});

const getAccount = defineQuery({
  name: 'GetAccount',
  summary: 'An account',
  tag: 'accounts',
  route: 'GET /accounts/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: AccountView,
  reads: ['accounts'],
  async run({ params }, { store }) {
    stage.queried += 1;
    const events = await store.read(streamOf('account', params.id));
    const last = events.at(-1);
    if (last === undefined) return missing('AccountUnknown', 'There is no such account.');
    const state = events.reduce((folded, event) => account.evolve(folded, event as never), account.initial);
    return { data: view(params.id, state), revision: last.revision };
  },
});

const getLabel = defineQuery({
  name: 'GetLabel',
  summary: 'A label, cached',
  tag: 'labels',
  route: 'GET /labels/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: Fields({ id: Id, label: Type.String() }),
  reads: ['labels'],
  cache: { ttlMs: 60_000, key: ({ params }) => params.id, tags: ({ params }) => [`label:${params.id}`] },
  async run({ params }) {
    stage.queried += 1;
    const { label } = stage;
    await stage.gate;
    return { data: { id: params.id, label }, revision: 7n };
  },
});

const listLabels = defineQuery({
  name: 'ListLabels',
  summary: 'Labels',
  tag: 'labels',
  route: 'GET /labels',
  access: 'anyone',
  query: Fields({
    page: Type.Integer({ minimum: 1, maximum: 1_000, default: 1 }),
    per_page: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    on: Type.Optional(Type.Boolean()),
    search: Type.Optional(Type.String({ maxLength: 10 })),
  }),
  result: Type.Array(Type.Any()),
  paginated: true,
  reads: ['labels'],
  run: ({ query }) => Promise.resolve({ data: [query], pagination: paginate(query.page, query.per_page, 41) }),
});

const whoAmI = defineQuery({
  name: 'WhoAmI',
  summary: 'Who asks',
  tag: 'users',
  route: 'GET /users/me',
  aliases: ['GET /users/profile'],
  access: 'user',
  result: Fields({ id: Type.String(), role: Type.String() }),
  reads: ['users'],
  run: (_input, { actor }) => Promise.resolve({ data: { id: actor.id, role: actor.role } }),
});

const readLog = defineQuery({
  name: 'ReadLog',
  summary: 'Read the log itself',
  tag: 'admin',
  route: 'GET /log',
  access: 'anyone',
  result: Type.Number(),
  reads: [],
  run: async (_input, { store }) => ({ data: (await store.readAll(0n)).length }),
});

export const example = {
  commands: [openAccount, addTo, refuse, unknown, breakDown, lie, adminOnly, signIn, changeSecret],
  queries: [getAccount, getLabel, listLabels, whoAmI, readLog],
};
