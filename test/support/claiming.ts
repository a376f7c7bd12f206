import type { Actor } from '../../src/engine/decide/context.ts';
import { isRefusal } from '../../src/errors.ts';
import { buyer, type Circumstances, dataOf, type MemoryShop } from './memoryShop.ts';

/** An instant after the deadline of every claim that was made at `NOW`. */
export const LATER = '2026-03-01T12:05:00.000Z';

export const anybody: Actor = { id: 'anonymous', role: 'anonymous' };

/** Registers a person with an e-mail address of that name. */
export async function register(shop: MemoryShop, name: string, more: object = {}, how?: Circumstances): Promise<Actor> {
  const body = { email: `${name}@example.com`, password: 'correct horse battery', name, ...more };
  return buyer(dataOf(await shop.ask('RegisterUser', anybody, { body }, how))['id'] as string);
}

/** The rule by which a command was refused; `none` when it was not. */
export async function ruleOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return 'none';
  } catch (error) {
    if (isRefusal(error)) return error.rule;
    throw error;
  }
}
