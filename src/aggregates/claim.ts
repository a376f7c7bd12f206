import { reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type ValueClaimed = { type: 'ValueClaimed'; data: { holder: string; at: string } };
export type ClaimReleased = { type: 'ClaimReleased'; data: { holder: string } };
export type ClaimEvent = ValueClaimed | ClaimReleased;

/** `abandoned`: a holder that does not exist and can never be created, as the caller has made sure. Its claim may be taken over. */
export type ClaimValue = Command<'ClaimValue', { holder: string; abandoned?: string }>;
export type ReleaseClaim = Command<'ReleaseClaim', { holder: string }>;
export type ClaimCommand = ClaimValue | ReleaseClaim;

export interface ClaimState {
  readonly holder: string | null;
  readonly at: string | null;
}

export const claimDecider: Decider<ClaimState, ClaimCommand, ClaimEvent> = {
  category: 'claim',
  snapshotVersion: 1,
  initial: { holder: null, at: null },
  evolve(_state, event) {
    switch (event.type) {
      case 'ValueClaimed':
        return { holder: event.data.holder, at: event.data.at };
      case 'ClaimReleased':
        return { holder: null, at: null };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'ClaimValue':
        return claim(command, state);
      case 'ReleaseClaim':
        return state.holder === command.data.holder ? [{ type: 'ClaimReleased', data: { holder: state.holder } }] : [];
    }
  },
};

function claim({ data, now }: ClaimValue, state: ClaimState): ClaimEvent[] {
  if (state.holder === data.holder) return [];
  const claimed: ValueClaimed = { type: 'ValueClaimed', data: { holder: data.holder, at: now } };
  if (state.holder === null) return [claimed];
  if (state.holder === data.abandoned) return [{ type: 'ClaimReleased', data: { holder: state.holder } }, claimed];
  return reject('ValueTaken', 'This value is already taken.');
}
