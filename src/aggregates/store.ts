import { missing, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type StoreOpened = { type: 'StoreOpened'; data: { ownerId: string; name: string; description: string } };
export type StoreUpdated = { type: 'StoreUpdated'; data: { name?: string; description?: string } };
export type StoreEvent = StoreOpened | StoreUpdated;

export type OpenStore = Command<'OpenStore', { ownerId: string; name: string; description: string }>;
export type UpdateStore = Command<'UpdateStore', { by: string; name?: string; description?: string }>;
export type StoreCommand = OpenStore | UpdateStore;

export interface OpenedStore {
  readonly status: 'open';
  readonly ownerId: string;
  readonly name: string;
  readonly description: string;
}
export type StoreState = { readonly status: 'none' } | OpenedStore;

export const storeDecider: Decider<StoreState, StoreCommand, StoreEvent> = {
  category: 'store',
  snapshotVersion: 1,
  initial: { status: 'none' },
  evolve(state, event) {
    switch (event.type) {
      case 'StoreOpened':
        return { status: 'open', ...event.data };
      case 'StoreUpdated':
        return state.status === 'open' ? { ...state, ...event.data } : state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'OpenStore':
        if (state.status === 'open') reject('StoreExists', 'You already have a store.');
        return [{ type: 'StoreOpened', data: command.data }];
      case 'UpdateStore':
        return update(command, state);
    }
  },
};

function update({ data: { by, ...wanted } }: UpdateStore, state: StoreState): StoreEvent[] {
  if (state.status !== 'open' || state.ownerId !== by)
    return missing('StoreUnknown', 'You have no store with this id.');
  const changed =
    (wanted.name ?? state.name) !== state.name || (wanted.description ?? state.description) !== state.description;
  return changed ? [{ type: 'StoreUpdated', data: wanted }] : [];
}
