import { reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import { withEntry, withoutEntry } from './collections.ts';

/** The id of the log's one stream of this kind. All roles of admins are taken on it, one after the other, so that one admin stays. */
export const ADMINS_ID = 'shop';

// NOTE: these names and shapes are the storage format; version them with care.
/** The user no longer counts as an admin: the role is about to be taken away. */
export type AdminRetired = { type: 'AdminRetired'; data: { userId: string } };
/** The user counts as an admin again. */
export type AdminReinstated = { type: 'AdminReinstated'; data: { userId: string } };
export type AdminsEvent = AdminRetired | AdminReinstated;

/** `others`: users who had the role when the command began. One that was retired meanwhile does not count. */
export type RetireAdmin = Command<'RetireAdmin', { userId: string; others: readonly string[] }>;
export type ReinstateAdmin = Command<'ReinstateAdmin', { userId: string }>;
export type AdminsCommand = RetireAdmin | ReinstateAdmin;

export interface AdminsState {
  readonly retired: Readonly<Record<string, true>>;
}

const isRetired = ({ retired }: AdminsState, userId: string): boolean => Object.hasOwn(retired, userId);

export const adminsDecider: Decider<AdminsState, AdminsCommand, AdminsEvent> = {
  category: 'admins',
  snapshotVersion: 1,
  initial: { retired: {} },
  evolve({ retired }, { type, data: { userId } }, made) {
    return {
      retired: type === 'AdminRetired' ? withEntry(retired, userId, true, made) : withoutEntry(retired, userId, made),
    };
  },
  decide({ type, data }, state) {
    const { userId } = data;
    if (type === 'ReinstateAdmin') {
      return isRetired(state, userId) ? [{ type: 'AdminReinstated', data: { userId } }] : [];
    }
    if (isRetired(state, userId)) return [];
    if (data.others.every((id) => id === userId || isRetired(state, id))) {
      reject(
        'LastAdmin',
        'The last active admin cannot lose the role or be deactivated. Make another user an admin first.',
      );
    }
    return [{ type: 'AdminRetired', data: { userId } }];
  },
};
