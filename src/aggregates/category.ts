import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type CategoryCreated = { type: 'CategoryCreated'; data: { name: string } };
export type CategoryRenamed = { type: 'CategoryRenamed'; data: { name: string } };
export type CategoryDeleted = { type: 'CategoryDeleted'; data: object };
/** Fences a creation that stopped half way: this category can no longer be created. */
export type CategoryAbandoned = { type: 'CategoryAbandoned'; data: object };
export type CategoryEvent = CategoryCreated | CategoryRenamed | CategoryDeleted | CategoryAbandoned;

export type CreateCategory = Command<'CreateCategory', { name: string }>;
export type RenameCategory = Command<'RenameCategory', { name: string }>;
export type DeleteCategory = Command<'DeleteCategory', { productsInIt: number }>;
export type AbandonCategory = Command<'AbandonCategory', object>;
export type CategoryCommand = CreateCategory | RenameCategory | DeleteCategory | AbandonCategory;

export type CategoryState =
  { readonly status: 'none' | 'deleted' | 'abandoned' } | { readonly status: 'active'; readonly name: string };

export const categoryDecider: Decider<CategoryState, CategoryCommand, CategoryEvent> = {
  category: 'category',
  snapshotVersion: 2,
  initial: { status: 'none' },
  evolve(_state, event) {
    switch (event.type) {
      case 'CategoryCreated':
      case 'CategoryRenamed':
        return { status: 'active', name: event.data.name };
      case 'CategoryDeleted':
        return { status: 'deleted' };
      case 'CategoryAbandoned':
        return { status: 'abandoned' };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'CreateCategory':
        return create(command, state);
      case 'RenameCategory':
        return rename(command, state);
      case 'DeleteCategory':
        return remove(command, state);
      case 'AbandonCategory':
        return state.status === 'none' ? [{ type: 'CategoryAbandoned', data: {} }] : [];
    }
  },
};

function create({ data }: CreateCategory, state: CategoryState): CategoryEvent[] {
  if (state.status === 'abandoned') reject('CategoryExpired', 'This took too long; please try again.');
  if (state.status !== 'none') reject('CategoryExists', 'This category already exists.');
  return [{ type: 'CategoryCreated', data: { name: data.name } }];
}

const unknown = (): never => missing('CategoryUnknown', 'There is no such category.');

function rename({ data }: RenameCategory, state: CategoryState): CategoryEvent[] {
  if (state.status !== 'active') return unknown();
  return state.name === data.name ? [] : [{ type: 'CategoryRenamed', data: { name: data.name } }];
}

function remove({ data }: DeleteCategory, state: CategoryState): CategoryEvent[] {
  if (state.status !== 'active') return unknown();
  if (data.productsInIt > 0) reject('CategoryInUse', `There are still ${data.productsInIt} products in this category.`);
  return [{ type: 'CategoryDeleted', data: {} }];
}
