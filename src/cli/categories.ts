import { LRUCache } from 'lru-cache';
import { CATEGORIES, claimOf } from '../commands/category.ts';
import { holderOf } from '../commands/claim.ts';
import type { CommandContext } from '../commands/contract.ts';
import { reject } from '../errors.ts';
import { freshId } from '../platform/ids.ts';
import { perform } from './contracts.ts';

const REMEMBERED_MAX = 1_000;

/** Returns the id of the category with this name, from the log itself; refuses when there is none and none may be created. */
export type FindCategory = (name: string) => Promise<string>;

export interface CategoriesOptions {
  /** Creates missing categories. */
  readonly create: boolean;
  readonly dryRun: boolean;
}

export async function findCategory(context: CommandContext, name: string): Promise<string | undefined> {
  return (await holderOf(context, claimOf(context, name), CATEGORIES))?.id;
}

export async function makeCategory(context: CommandContext, name: string): Promise<string> {
  const { data } = await perform(context, 'CreateCategory', { body: { name } });
  return (data as { id: string }).id;
}

/** Looks up and creates each name only once, even when many rows need it at the same time. */
export function createCategories(contextOf: () => CommandContext, { create, dryRun }: CategoriesOptions): FindCategory {
  const known = new LRUCache<string, Promise<string>>({ max: REMEMBERED_MAX });
  const find = async (name: string): Promise<string> => {
    const context = contextOf();
    const id = await findCategory(context, name);
    if (id !== undefined) return id;
    if (!create) return reject('CategoryUnknown', `there is no category ${name}`);
    return dryRun ? freshId() : makeCategory(context, name);
  };
  return (name) => {
    const key = claimOf(contextOf(), name);
    const asked = known.get(key);
    if (asked !== undefined) return asked;
    const answer = find(name);
    known.set(key, answer);
    answer.catch(() => known.delete(key));
    return answer;
  };
}
