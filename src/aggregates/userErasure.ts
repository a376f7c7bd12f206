import type { Command } from '../engine/decide/decider.ts';
import { missing } from '../errors.ts';
import type { Sealed } from './sealed.ts';

// NOTE: these names and shapes are the storage format; version them with care.
/**
 * The person is erased: their key is destroyed after this, and nothing that was sealed under it opens again. `reason` is an admin's,
 * sealed for the admin; null when the person erased themselves.
 */
export type UserErased = { type: 'UserErased'; data: { reason: Sealed | null } };

export type EraseUser = Command<'EraseUser', UserErased['data']>;

export interface ErasedUser {
  readonly status: 'erased';
}

/** Erases an existing user. A second erasure changes nothing. */
export function erase({ data }: EraseUser, { status }: { readonly status: string }): UserErased[] {
  if (status === 'erased') return [];
  if (status === 'none' || status === 'abandoned') missing('UserUnknown', 'There is no such user.');
  return [{ type: 'UserErased', data }];
}
