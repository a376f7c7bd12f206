import { storeDecider, type StoreCommand, type StoreEvent, type StoreState } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { command, type Issued, type Reaction } from '../engine/react/reaction.ts';

/** Reports the role that the reaction gave, where the command itself did not come to it. */
export const tellRole = (log: Logger, { id, actor, cause }: Issued): void =>
  log.info({ security: 'change of role', user: id, role: 'seller', actor, cause }, 'security: change of role');

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
