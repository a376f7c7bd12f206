import type { Command, Decider } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';

/** The id of the log's one stream of this kind: it keeps what administrators do to the shop itself and not to one thing in it. */
export const ADMINISTRATION_ID = 'shop';

interface Letter {
  readonly deadLetterId: string;
  /** The handler, or `projection:<read model>`, that could not take the event. */
  readonly consumer: string;
  readonly eventId: string;
}

// NOTE: these names and shapes are the storage format; version them with care. Reasons are sealed for the administrator.
export type RebuildRequested = { type: 'RebuildRequested'; data: { projection: string; reason: Sealed | null } };
export type DeadLetterRetried = { type: 'DeadLetterRetried'; data: Letter & { reason: Sealed | null } };
export type DeadLetterSkipped = { type: 'DeadLetterSkipped'; data: Letter & { reason: Sealed } };
export type AdministrationEvent = RebuildRequested | DeadLetterRetried | DeadLetterSkipped;

export type RequestRebuild = Command<'RequestRebuild', RebuildRequested['data']>;
export type RetryDeadLetter = Command<'RetryDeadLetter', DeadLetterRetried['data']>;
export type SkipDeadLetter = Command<'SkipDeadLetter', DeadLetterSkipped['data']>;
export type AdministrationCommand = RequestRebuild | RetryDeadLetter | SkipDeadLetter;

export interface AdministrationState {
  /** How many acts there were. No rule depends on earlier acts. */
  readonly acts: number;
}

export const administrationDecider: Decider<AdministrationState, AdministrationCommand, AdministrationEvent> = {
  category: 'administration',
  snapshotVersion: 1,
  initial: { acts: 0 },
  evolve: ({ acts }) => ({ acts: acts + 1 }),
  decide(command) {
    switch (command.type) {
      case 'RequestRebuild':
        return [{ type: 'RebuildRequested', data: command.data }];
      case 'RetryDeadLetter':
        return [{ type: 'DeadLetterRetried', data: command.data }];
      case 'SkipDeadLetter':
        return [{ type: 'DeadLetterSkipped', data: command.data }];
    }
  },
};
