import { storeDecider, type StoreCommand, type StoreEvent, type StoreState } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { command, type Reaction } from '../engine/react/reaction.ts';

/** Who opened a store is a seller. The command does it at once; this is for one that was cut off in between. */
export const membership: Reaction<StoreState, StoreCommand, StoreEvent> = {
  name: 'membership',
  of: storeDecider,
  on: {
    StoreOpened: ({ stream, data: { ownerId } }) => [
      command(userDecider, ownerId, { type: 'GrantSeller', data: { storeId: idOf(stream) } }),
    ],
  },
};
