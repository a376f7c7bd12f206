import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { SealedOrOwn } from './sealed.ts';
import type { Picture, ReplacedKey } from './picture.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type StoreOpened = { type: 'StoreOpened'; data: { ownerId: string; name: string; description: string } };
export type StoreUpdated = { type: 'StoreUpdated'; data: { name?: string; description?: string } };
/** Nothing of the store can be found or bought from now on. Orders that were placed before go on. `reason` is sealed for the owner. */
export type StoreSuspended = { type: 'StoreSuspended'; data: { reason: SealedOrOwn } };
export type StoreRestored = { type: 'StoreRestored'; data: { reason: SealedOrOwn | null } };
export type StoreLogoChanged = { type: 'StoreLogoChanged'; data: { logo: Picture; replaced: ReplacedKey } };
export type StoreLogoRemoved = { type: 'StoreLogoRemoved'; data: { replaced: ReplacedKey } };
export type StoreEvent =
  StoreOpened | StoreUpdated | StoreSuspended | StoreRestored | StoreLogoChanged | StoreLogoRemoved;

export type OpenStore = Command<'OpenStore', { ownerId: string; name: string; description: string }>;
export type UpdateStore = Command<'UpdateStore', { by: string; name?: string; description?: string }>;
export type SuspendStore = Command<'SuspendStore', StoreSuspended['data']>;
export type RestoreStore = Command<'RestoreStore', StoreRestored['data']>;
export type ChangeStoreLogo = Command<'ChangeStoreLogo', { by: string; logo: Picture }>;
export type RemoveStoreLogo = Command<'RemoveStoreLogo', { by: string }>;
export type StoreCommand = OpenStore | UpdateStore | SuspendStore | RestoreStore | ChangeStoreLogo | RemoveStoreLogo;

export interface OpenedStore {
  readonly status: 'open';
  readonly ownerId: string;
  readonly name: string;
  readonly description: string;
  readonly suspended: boolean;
  readonly logo: Picture | null;
}
export type StoreState = { readonly status: 'none' } | OpenedStore;

export const storeDecider: Decider<StoreState, StoreCommand, StoreEvent> = {
  category: 'store',
  snapshotVersion: 3,
  initial: { status: 'none' },
  evolve(state, event) {
    switch (event.type) {
      case 'StoreOpened':
        return { status: 'open', ...event.data, suspended: false, logo: null };
      case 'StoreUpdated':
        return state.status === 'open' ? { ...state, ...event.data } : state;
      case 'StoreSuspended':
      case 'StoreRestored':
        return state.status === 'open' ? { ...state, suspended: event.type === 'StoreSuspended' } : state;
      case 'StoreLogoChanged':
        return state.status === 'open' ? { ...state, logo: event.data.logo } : state;
      case 'StoreLogoRemoved':
        return state.status === 'open' ? { ...state, logo: null } : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'OpenStore':
        if (state.status === 'open') reject('StoreExists', 'You already have a store.');
        return [{ type: 'StoreOpened', data: command.data }];
      case 'UpdateStore':
        return update(command, state);
      case 'SuspendStore':
        return opened(state).suspended ? [] : [{ type: 'StoreSuspended', data: command.data }];
      case 'RestoreStore':
        return opened(state).suspended ? [{ type: 'StoreRestored', data: command.data }] : [];
      case 'ChangeStoreLogo': {
        const replaced = theirs(state, command.data.by).logo?.key ?? null;
        return [{ type: 'StoreLogoChanged', data: { logo: command.data.logo, replaced } }];
      }
      case 'RemoveStoreLogo': {
        const { logo } = theirs(state, command.data.by);
        return logo === null ? [] : [{ type: 'StoreLogoRemoved', data: { replaced: logo.key } }];
      }
    }
  },
};

/** Whether an administrator has suspended the store. */
export const isSuspended = (state: StoreState): boolean => state.status === 'open' && state.suspended;

const opened = (state: StoreState): OpenedStore =>
  state.status === 'open' ? state : missing('StoreUnknown', 'There is no such store.');

function theirs(state: StoreState, by: string): OpenedStore {
  if (state.status === 'open' && state.ownerId === by) return state;
  return missing('StoreUnknown', 'You have no store with this id.');
}

function update({ data: { by, ...wanted } }: UpdateStore, found: StoreState): StoreEvent[] {
  const state = theirs(found, by);
  const changed =
    (wanted.name ?? state.name) !== state.name || (wanted.description ?? state.description) !== state.description;
  return changed ? [{ type: 'StoreUpdated', data: wanted }] : [];
}
