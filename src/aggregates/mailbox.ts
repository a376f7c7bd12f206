import { reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';

/** The mails with links that one address gets within the window, at most. */
const LINK_MAILS_MAX = 3;
export const LINK_MAILS_WINDOW_MS = 3_600_000;

// NOTE: these names and shapes are the storage format; version them with care.
/** A mail with a link may go to this address, and counts until then. The stream's id is a keyed hash of the address. */
export type LinkMailAllowed = { type: 'LinkMailAllowed'; data: { countsUntil: string } };
export type MailboxEvent = LinkMailAllowed;
export type AllowLinkMail = Command<'AllowLinkMail', { countsUntil: string }>;

export interface MailboxState {
  /** Of the last mails, the newest last. */
  readonly countUntil: readonly string[];
}

/** Counts the mails with links to one address, for all callers and all accounts together. */
export const mailboxDecider: Decider<MailboxState, AllowLinkMail, MailboxEvent> = {
  category: 'mailbox',
  snapshotVersion: 1,
  initial: { countUntil: [] },
  evolve: ({ countUntil }, { data }) => ({ countUntil: [...countUntil, data.countsUntil].slice(-LINK_MAILS_MAX) }),
  decide({ data: { countsUntil }, now }, { countUntil }) {
    const [oldest = now] = countUntil;
    if (countUntil.filter((until) => now < until).length >= LINK_MAILS_MAX) {
      reject('MailsSpent', `At most ${LINK_MAILS_MAX} such mails an hour go to one address. Try again later.`, {
        code: 'RATE_LIMITED',
        retryAt: oldest,
      });
    }
    return [{ type: 'LinkMailAllowed', data: { countsUntil } }];
  },
};
