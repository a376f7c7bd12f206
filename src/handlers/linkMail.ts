import { sealedInLink } from '../aggregates/sealed.ts';
import { type ActiveUser } from '../aggregates/user.ts';
import type { LinkPurpose, LinkRequested } from '../aggregates/userLinks.ts';
import type { Services } from '../commands/contract.ts';
import { ERASED } from '../eventstore/sealing.ts';
import { type Message, templates } from './senders/templates.ts';

/** The pages of the shop that mailed links lead to. A page does nothing until the person presses its button. */
const PAGES: Readonly<Record<LinkPurpose, string>> = {
  verification: '/account/verify-email',
  'password reset': '/account/reset-password',
  'email change': '/account/change-email',
};

export interface LinkMail {
  readonly message: Message;
  /** Of a change of e-mail: the new address. */
  readonly to?: string;
}

interface LinkMailDeps {
  readonly services: Pick<Services, 'tokens' | 'personalData'>;
  readonly publicUrl: () => string;
  /** ISO 8601 UTC. */
  readonly now: () => string;
}

/**
 * The mail with a link; undefined when the link can no longer be used. The token is made here from what the event says, so it is in no
 * table and no log. It stands in the fragment of the link, which no browser sends to a server.
 */
export async function linkMailOf(
  { services, publicUrl, now }: LinkMailDeps,
  { userId, user, data }: { userId: string; user: ActiveUser; data: LinkRequested['data'] },
): Promise<LinkMail | undefined> {
  const { purpose, linkId, tokenHash } = data;
  const link = user.links.outstanding.find((one) => one.tokenHash === tokenHash);
  if (link === undefined || now() >= link.expiresAt) return undefined;
  const token = services.tokens.linkToken(userId, linkId, tokenHash);
  if (token === undefined) return undefined;
  const message = templates.link(purpose, `${publicUrl()}${PAGES[purpose]}#token=${token}`);
  if (purpose !== 'email change') return { message };
  const { email = ERASED } = await services.personalData.reveal(link, sealedInLink(userId));
  return email === ERASED ? undefined : { message, to: email };
}
