import { LINK_MAILS_WINDOW_MS, mailboxDecider } from '../aggregates/mailbox.ts';
import type { Sealed } from '../aggregates/sealed.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import { LINK_TTL_MS, type LinkPurpose, signInEpoch } from '../aggregates/userLinks.ts';
import { carryOut } from '../engine/decide/carryOut.ts';
import { isRefusal } from '../errors.ts';
import { emailClaim, PEOPLE } from './auth.ts';
import { holderOf } from './claim.ts';
import type { CommandContext } from './contract.ts';

const after = (now: string, ms: number): string => new Date(Date.parse(now) + ms).toISOString();

/** Counts a mail with a link; refused when the mailbox has had its share of the hour. `mailbox`: a keyed hash of an address, or a user's id. */
export async function countMail(context: CommandContext, mailbox: string): Promise<void> {
  const intent = { type: 'AllowLinkMail', data: { countsUntil: after(context.now, LINK_MAILS_WINDOW_MS) } } as const;
  await context.handle(mailboxDecider, mailbox, intent, { step: `count a mail to ${mailbox}`, provisional: true });
}

export interface Wanted {
  readonly purpose: LinkPurpose;
  readonly user: ActiveUser;
  /** For a change of e-mail. */
  readonly to?: { readonly email: Sealed; readonly emailClaim: string; readonly sessionId: string | null };
}

/** Records that a link is wanted; the handler of notifications mails it. */
export function requestLink(context: CommandContext, userId: string, { purpose, user, to }: Wanted) {
  const linkId = context.derive('link');
  const tokenHash = context.services.tokens.linkHash(userId, linkId);
  const expiresAt = after(context.now, LINK_TTL_MS);
  const data = { purpose, linkId, tokenHash, expiresAt, epoch: signInEpoch(user), ...to };
  return context.handle(userDecider, userId, { type: 'RequestLink', data }, { step: 'request a link' });
}

async function mailLink(context: CommandContext, purpose: LinkPurpose, email: string): Promise<void> {
  const mailbox = emailClaim(context, email);
  const found = await holderOf(context, mailbox, PEOPLE);
  if (found?.state.status !== 'active' || found.state.deactivated) return;
  if (purpose === 'verification' && found.state.links.verified) return;
  await countMail(context, mailbox);
  await requestLink(context, found.id, { purpose, user: found.state });
}

/**
 * Mails a link to the user of an address, if there is one, after the answer: so neither the answer nor its time tells whether there is.
 * The mail goes to the address as the user's account has it, not as it was typed.
 */
export function mailLinkLater({ origin, services }: CommandContext, purpose: LinkPurpose, email: string): void {
  services.background.run(`a link for a ${purpose}`, async () => {
    const run = (context: CommandContext) => mailLink(context, purpose, email);
    const carried = await carryOut({ origin: { ...origin, repeatable: true }, services, run });
    if (carried.kind === 'answered') return;
    if (!isRefusal(carried.error) || carried.error.kind === 'unavailable') throw carried.error;
  });
}
