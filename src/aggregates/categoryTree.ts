import { invalid, missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import { withEntry, withoutEntry } from './collections.ts';

/** The id of the log's one stream of this kind. All moves are decided on it, one after the other, so that no two make a cycle. */
export const TREE_ID = 'shop';

/** Levels of categories below each other, at most. */
export const CATEGORY_DEPTH_MAX = 20;

// NOTE: these names and shapes are the storage format; version them with care.
/** The category is now below this parent; null: below none. Moves its whole branch. */
export type CategoryPlaced = { type: 'CategoryPlaced'; data: { categoryId: string; parentId: string | null } };
/** The category is about to be deleted: from now on nothing is put below it. */
export type CategoryRemoved = { type: 'CategoryRemoved'; data: { categoryId: string } };
export type CategoryTreeEvent = CategoryPlaced | CategoryRemoved;

export type PlaceCategory = Command<'PlaceCategory', CategoryPlaced['data']>;
export type RemoveCategory = Command<'RemoveCategory', CategoryRemoved['data']>;
export type CategoryTreeCommand = PlaceCategory | RemoveCategory;

export interface CategoryTreeState {
  /** The parent of each category that has one. */
  readonly parents: Readonly<Record<string, string>>;
  readonly removed: Readonly<Record<string, true>>;
}

export const parentOf = ({ parents }: CategoryTreeState, id: string): string | null => parents[id] ?? null;

export const childrenOf = ({ parents }: CategoryTreeState, id: string): readonly string[] =>
  Object.keys(parents).filter((child) => parents[child] === id);

export const categoryTreeDecider: Decider<CategoryTreeState, CategoryTreeCommand, CategoryTreeEvent> = {
  category: 'categoryTree',
  snapshotVersion: 1,
  initial: { parents: {}, removed: {} },
  evolve({ parents, removed }, { type, data }, made) {
    const { categoryId: id } = data;
    if (type === 'CategoryRemoved') {
      return { parents: withoutEntry(parents, id, made), removed: withEntry(removed, id, true, made) };
    }
    const { parentId } = data;
    return {
      parents: parentId === null ? withoutEntry(parents, id, made) : withEntry(parents, id, parentId, made),
      removed,
    };
  },
  decide({ type, data }, state) {
    return type === 'PlaceCategory' ? place(data, state) : remove(data, state);
  },
};

function place(data: CategoryPlaced['data'], state: CategoryTreeState): CategoryTreeEvent[] {
  const { categoryId: id, parentId } = data;
  if (isRemoved(state, id)) missing('CategoryUnknown', 'There is no such category.');
  if (parentOf(state, id) === parentId) return [];
  if (parentId !== null) {
    if (isRemoved(state, parentId)) invalid('parent_id', 'must be the id of a category that exists');
    const above = [parentId, ...ancestorsOf(state, parentId)];
    if (above.includes(id)) invalid('parent_id', 'must be neither the category itself nor one below it');
    if (above.length + heightOf(state, id) > CATEGORY_DEPTH_MAX) {
      invalid('parent_id', `must leave at most ${CATEGORY_DEPTH_MAX} levels of categories`);
    }
  }
  return [{ type: 'CategoryPlaced', data }];
}

function remove(data: CategoryRemoved['data'], state: CategoryTreeState): CategoryTreeEvent[] {
  if (isRemoved(state, data.categoryId)) return [];
  const { length } = childrenOf(state, data.categoryId);
  if (length > 0) reject('CategoryHasChildren', `There are still ${length} categories below this one.`);
  return [{ type: 'CategoryRemoved', data }];
}

const isRemoved = ({ removed }: CategoryTreeState, id: string): boolean => Object.hasOwn(removed, id);

/** From the parent up. The tree has no cycle, so the walk ends. */
function ancestorsOf(state: CategoryTreeState, id: string): string[] {
  const above: string[] = [];
  for (let at = parentOf(state, id); at !== null; at = parentOf(state, at)) above.push(at);
  return above;
}

/** The levels of a branch, its own included. */
function heightOf(state: CategoryTreeState, id: string): number {
  let levels = 0;
  for (let level = [id]; level.length > 0; levels += 1) {
    const here = new Set(level);
    level = Object.keys(state.parents).filter((child) => here.has(state.parents[child]!));
  }
  return levels;
}
