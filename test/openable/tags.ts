import type { Kept } from './asking.ts';

/** The account that has changed its password since its profile. */
const OF_NEW_PASSWORD = 'paul';
const PROFILE: ReadonlySet<string> = new Set(['/users/me', '/users/profile']);

/**
 * The kept answers, as they are today from read models that were made anew: a change of the password moves the entity tag of the profile. The
 * rows of the first kept shop stay at the tag from before it until they are made anew, or the profile changes.
 */
export const withMovedTags = (kept: readonly Kept[]): Kept[] =>
  kept.map((was) =>
    was.as === OF_NEW_PASSWORD && PROFILE.has(was.ask) && was.revision !== null
      ? { ...was, revision: String(BigInt(was.revision) + 1n) }
      : was,
  );
