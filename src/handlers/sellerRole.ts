import { storeDecider, type StoreCommand, type StoreEvent, type StoreState } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { command, type Reaction } from '../engine/react/reaction.ts';

/** Makes the owner of an opened store a seller. The command does so itself; this covers a command that stopped in between. */
export const membership: Reaction<StoreState, StoreCommand, StoreEvent> = {
  name: 'membership',
  of: storeDecider,
  on: {
    StoreOpened: ({ stream, data: { ownerId } }) => [
      command(userDecider, ownerId, { type: 'GrantSeller', data: { storeId: idOf(stream) } }),
    ],
  },
};
