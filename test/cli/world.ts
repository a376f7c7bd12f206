import { commands } from '../../src/commands/index.ts';
import type { Actor } from '../../src/engine/decide/context.ts';
import type { CommandContext } from '../../src/commands/contract.ts';
import { registerUser } from '../../src/commands/registration.ts';
import { storeIdOf } from '../../src/queries/store.ts';
import { commandContext, type Shop } from '../../src/compose/shop.ts';
import { freshDatabase } from '../support/database.ts';
import { type ProgramOptions, runCartulary } from '../support/process.ts';
import { type Json, JWT_SECRET, MASTER_KEY, openWriteSide } from '../support/shop.ts';

export const PASSWORD = 'correct horse battery';

/** Runs a command of the program against one database. */
export const programOn =
  (url: string) =>
  (args: readonly string[], options: ProgramOptions = {}) =>
    runCartulary(args, {
      ...options,
      env: { DATABASE_URL: url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn', ...options.env },
    });

/** A fresh database, the program on it, and the write side in this process, to create a history. */
export async function openWorld() {
  const database = await freshDatabase();
  const shop = await openWriteSide(database.url);
  return {
    url: database.url,
    shop,
    run: programOn(database.url),
    people: peopleOf(shop),
    async close(): Promise<void> {
      await shop.close();
      await database.drop();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Runs a contract, as the HTTP edge does after it has checked the request. */
export async function perform(
  name: string,
  input: { params?: Record<string, unknown>; body?: Record<string, unknown> },
  context: CommandContext,
): Promise<Json> {
  const contract = commands.find((one) => one.name === name);
  if (contract === undefined) throw new Error(`there is no command ${name}`);
  const { data } = await contract.run({ params: input.params ?? {}, body: input.body ?? {} }, context);
  return data;
}

function peopleOf({ services }: Shop) {
  const as = (actor: Actor): CommandContext => commandContext(services, { actor });
  async function person(name: string): Promise<Actor & { email: string }> {
    const email = `${name.toLowerCase()}@example.com`;
    const context = as({ id: 'anonymous', role: 'anonymous' });
    const { data } = (await registerUser(context, { email, password: PASSWORD, name, role: 'buyer' })) as Json;
    return { id: data.id, role: 'buyer', email };
  }
  return {
    as,
    person,
    async seller(name: string): Promise<Actor & { storeId: string }> {
      const owner = await person(name);
      await perform('OpenStore', { body: { name: `${name}'s store` } }, as(owner));
      return { id: owner.id, role: 'seller', storeId: storeIdOf(owner.id) };
    },
    async category(name: string): Promise<string> {
      const { id } = await perform('CreateCategory', { body: { name } }, as({ id: 'cli', role: 'system' }));
      return id as string;
    },
  };
}
