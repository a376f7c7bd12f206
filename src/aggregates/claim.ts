import { reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type ValueClaimed = { type: 'ValueClaimed'; data: { holder: string; at: string } };
export type ClaimReleased = { type: 'ClaimReleased'; data: { holder: string } };
export type ClaimEvent = ValueClaimed | ClaimReleased;

/**
 * `turn`: the claim's turn as the caller has seen it. `abandoned`: the holder of that turn. The caller has made sure that this holder
 * does not use the value, and cannot use it without claiming it again.
 */
export type ClaimValue = Command<'ClaimValue', { holder: string; turn: number; abandoned?: string }>;
/** Releases the turn of this holder, and no later one. */
export type ReleaseClaim = Command<'ReleaseClaim', { holder: string; turn: number }>;
export type ClaimCommand = ClaimValue | ReleaseClaim;

export interface ClaimState {
  readonly holder: string | null;
  readonly at: string | null;
  /** How often the value was claimed. Its holder claims it again before each use, so a turn that was seen unused stays so. */
  readonly turn: number;
}

export const claimDecider: Decider<ClaimState, ClaimCommand, ClaimEvent> = {
  category: 'claim',
  snapshotVersion: 2,
  initial: { holder: null, at: null, turn: 0 },
  evolve({ turn }, event) {
    switch (event.type) {
      case 'ValueClaimed':
        return { holder: event.data.holder, at: event.data.at, turn: turn + 1 };
      case 'ClaimReleased':
        return { holder: null, at: null, turn };
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'ClaimValue':
        return claim(command, state);
      case 'ReleaseClaim': {
        const { holder, turn } = command.data;
        return state.holder === holder && state.turn === turn ? [{ type: 'ClaimReleased', data: { holder } }] : [];
      }
    }
  },
};

function claim({ data: { holder, turn, abandoned }, now }: ClaimValue, state: ClaimState): ClaimEvent[] {
  const claimed: ValueClaimed = { type: 'ValueClaimed', data: { holder, at: now } };
  if (state.turn === turn) {
    if (state.holder === null || state.holder === holder) return [claimed];
    if (state.holder === abandoned) return [{ type: 'ClaimReleased', data: { holder: state.holder } }, claimed];
  }
  return reject('ValueTaken', 'This value is already taken.');
}
