import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
/** `parentId`: the parent at first; `CategoryPlaced` tells of each move. */
export type CategoryCreated = { type: 'CategoryCreated'; data: { name: string; parentId?: string } };
export type CategoryRenamed = { type: 'CategoryRenamed'; data: { name: string } };
export type CategoryDeleted = { type: 'CategoryDeleted'; data: object };
/** Fences a creation that stopped half way: this category can no longer be created. */
export type CategoryAbandoned = { type: 'CategoryAbandoned'; data: object };
/** Fences a renaming that claimed a name and did not take it up: a renaming that was begun before this event can no longer do so. */
export type CategoryClaimAbandoned = { type: 'CategoryClaimAbandoned'; data: { claim: string } };
export type CategoryEvent =
  CategoryCreated | CategoryRenamed | CategoryDeleted | CategoryAbandoned | CategoryClaimAbandoned;

export type CreateCategory = Command<'CreateCategory', CategoryCreated['data']>;
/** `claimEpoch`: that of the category when the command began, before it claimed the name. */
export type RenameCategory = Command<'RenameCategory', { name: string; claimEpoch: number }>;
export type DeleteCategory = Command<'DeleteCategory', { productsInIt: number }>;
export type AbandonCategory = Command<'AbandonCategory', object>;
/** Does nothing when the category's claims have changed since `claimEpoch`: the caller has to look again. */
export type AbandonCategoryClaim = Command<'AbandonCategoryClaim', { claim: string; claimEpoch: number }>;
export type CategoryCommand = CreateCategory | RenameCategory | DeleteCategory | AbandonCategory | AbandonCategoryClaim;

export interface ActiveCategory {
  readonly status: 'active';
  readonly name: string;
  /** How often the claims of this category changed or were abandoned; it begins with 1. */
  readonly claimEpoch: number;
}
export type CategoryState = { readonly status: 'none' | 'deleted' | 'abandoned' } | ActiveCategory;

export const categoryDecider: Decider<CategoryState, CategoryCommand, CategoryEvent> = {
  category: 'category',
  snapshotVersion: 3,
  initial: { status: 'none' },
  evolve(state, event) {
    const claimEpoch = (state.status === 'active' ? state.claimEpoch : 0) + 1;
    switch (event.type) {
      case 'CategoryCreated':
      case 'CategoryRenamed':
        return { status: 'active', name: event.data.name, claimEpoch };
      case 'CategoryClaimAbandoned':
        return state.status === 'active' ? { ...state, claimEpoch } : state;
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
      case 'AbandonCategoryClaim': {
        const { claim, claimEpoch } = command.data;
        if (state.status !== 'active' || state.claimEpoch !== claimEpoch) return [];
        return [{ type: 'CategoryClaimAbandoned', data: { claim } }];
      }
    }
  },
};

function create({ data }: CreateCategory, state: CategoryState): CategoryEvent[] {
  if (state.status === 'abandoned') reject('CategoryExpired', 'This took too long; please try again.');
  if (state.status !== 'none') reject('CategoryExists', 'This category already exists.');
  return [{ type: 'CategoryCreated', data }];
}

const unknown = (): never => missing('CategoryUnknown', 'There is no such category.');

function rename({ data }: RenameCategory, state: CategoryState): CategoryEvent[] {
  if (state.status !== 'active') return unknown();
  if (state.name === data.name) return [];
  if (state.claimEpoch !== data.claimEpoch) {
    reject('ClaimOutdated', 'This category was renamed meanwhile; please try again.');
  }
  return [{ type: 'CategoryRenamed', data: { name: data.name } }];
}

function remove({ data }: DeleteCategory, state: CategoryState): CategoryEvent[] {
  if (state.status !== 'active') return unknown();
  if (data.productsInIt > 0) reject('CategoryInUse', `There are still ${data.productsInIt} products in this category.`);
  return [{ type: 'CategoryDeleted', data: {} }];
}
