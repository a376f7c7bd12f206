import { reject } from '../errors.ts';
import type { Command } from '../engine/decide/decider.ts';
import type { Sealed } from './sealed.ts';

/** The one act that a mailed link allows its holder. */
export type LinkPurpose = 'verification' | 'password reset' | 'email change';

/** How long a mailed link can be used, ms. */
export const LINK_TTL_MS = 30 * 60_000;
/** The most links of a user that are remembered. The oldest one ends when another is made. */
const LINKS_MAX = 4;

// NOTE: these names and shapes are the storage format; version them with care.
/** The token is only in the mail. It is derived from `linkId` and a signing secret when the mail is written. */
export type LinkRequested = {
  type: 'LinkRequested';
  data: {
    purpose: LinkPurpose;
    linkId: string;
    tokenHash: string;
    expiresAt: string;
    /** The new address and its claim, for a change of e-mail. */
    email?: Sealed;
    emailClaim?: string;
    /** The session that asked for a change of e-mail; it outlives the change. */
    sessionId?: string | null;
  };
};
/** `tokenHash`: of the link that verified it; null when the shop's operator, or a password reset by mail, vouches for it. */
export type EmailVerified = { type: 'EmailVerified'; data: { tokenHash: string | null } };
/** Ends every session that was started before, except `keptSession`. */
export type EmailChanged = {
  type: 'EmailChanged';
  data: { email: Sealed; formerEmail: Sealed; keptSession: string | null; at: string };
};
export type UserLinkEvent = LinkRequested | EmailVerified | EmailChanged;

/** `epoch`: the `signInEpoch` of the user when the caller was found to be allowed to ask. */
export type RequestLink = Command<'RequestLink', LinkRequested['data'] & { epoch: number }>;
export type VerifyEmail = Command<'VerifyEmail', { tokenHash: string }>;
/** The operator of the shop vouches for the address. */
export type VouchForEmail = Command<'VouchForEmail', object>;
/** A new password by means of a mailed link. */
export type ResetPassword = Command<'ResetPassword', { tokenHash: string; passwordHash: Sealed }>;
/** `claimEpoch`: that of the user before the new address was claimed. */
export type ChangeEmail = Command<
  'ChangeEmail',
  { tokenHash: string; email: Sealed; formerEmail: Sealed; claimEpoch: number }
>;
export type UserLinkCommand = RequestLink | VerifyEmail | VouchForEmail | ResetPassword | ChangeEmail;

/** A link that was mailed and not used. */
export type Link = Omit<LinkRequested['data'], 'linkId'>;

export interface UserLinks {
  readonly verified: boolean;
  readonly outstanding: readonly Link[];
  /** The link that verified the address: whoever opens it twice gets the same answer. */
  readonly verifiedBy: Link | null;
}

/** The part of a user that links read and change. */
export interface LinkOwner {
  readonly email: Sealed;
  readonly claimEpoch: number;
  readonly passwordChanges: number;
  readonly passwordChangedAt: string | null;
  readonly deactivations: number;
  readonly keptSession: string | null;
  /** The last change that ended sessions. */
  readonly endedBy: 'password changed' | 'e-mail changed' | 'second factor changed' | 'ended by its user';
  readonly links: UserLinks;
}

export const NO_LINKS: UserLinks = { verified: false, outstanding: [], verifiedBy: null };

/** Any change of what a person signs in with ends the links that were mailed before. */
const withoutLinks = (links: UserLinks): UserLinks => ({ ...links, outstanding: [], verifiedBy: null });

export const linkInvalid = (): never =>
  reject('LinkInvalid', 'This link is not valid: it is unknown, was used, or has expired. Ask for a new one.', {
    code: 'LINK_INVALID',
  });

/** The link with this hash, if it can still be used for the purpose. Unknown, used and expired ones are refused alike. */
export function liveLink(links: UserLinks, purpose: LinkPurpose, { tokenHash, now }: Presented): Link {
  const found = links.outstanding.find((link) => link.tokenHash === tokenHash && link.purpose === purpose);
  return found !== undefined && now < found.expiresAt ? found : linkInvalid();
}

interface Presented {
  readonly tokenHash: string;
  readonly now: string;
}

/** Whether this link has verified the address that the user has now. */
const hasVerified = ({ verified, verifiedBy }: UserLinks, { tokenHash, now }: Presented): boolean =>
  verified && verifiedBy?.tokenHash === tokenHash && now < verifiedBy.expiresAt;

/** A newer link to change the address replaces an older one: a user moves to one address only. */
function withLink(links: UserLinks, { linkId: _id, ...link }: LinkRequested['data']): UserLinks {
  const kept = links.outstanding.filter(({ purpose }) => purpose !== 'email change' || link.purpose !== purpose);
  return { ...links, outstanding: [...kept, link].slice(-LINKS_MAX) };
}

function verified(links: UserLinks, { tokenHash }: EmailVerified['data']): UserLinks {
  const verifiedBy = links.outstanding.find((link) => link.tokenHash === tokenHash) ?? null;
  const outstanding = links.outstanding.filter(({ purpose }) => purpose !== 'verification');
  return { verified: true, outstanding, verifiedBy };
}

export const endingLinks = <S extends LinkOwner>(state: S): S => ({ ...state, links: withoutLinks(state.links) });

/** Changes with anything that ends the sessions, the links and the waiting logins of a user. */
export const signInEpoch = ({ passwordChanges, deactivations }: Epochs): number => passwordChanges + deactivations;
type Epochs = Pick<LinkOwner, 'passwordChanges' | 'deactivations'>;

/** A change of what the user signs in with: it ends all earlier sessions but one, and every link. */
export const withCredentials = <S extends LinkOwner>(
  state: S,
  { keptSession, at }: { readonly keptSession: string | null; readonly at: string },
  endedBy: LinkOwner['endedBy'],
): S => ({
  ...state,
  keptSession,
  endedBy,
  passwordChanges: state.passwordChanges + 1,
  passwordChangedAt: at,
  links: withoutLinks(state.links),
});

export function evolveLinks<S extends LinkOwner>(state: S, event: UserLinkEvent): S {
  switch (event.type) {
    case 'LinkRequested':
      return { ...state, links: withLink(state.links, event.data) };
    case 'EmailVerified':
      return { ...state, links: verified(state.links, event.data) };
    case 'EmailChanged': {
      const changed = withCredentials(state, event.data, 'e-mail changed');
      const links = { ...changed.links, verified: true };
      return { ...changed, links, email: event.data.email, claimEpoch: state.claimEpoch + 1 };
    }
  }
}

export type ResetEvent =
  { type: 'PasswordChanged'; data: { passwordHash: Sealed; keptSession: string | null; at: string } } | EmailVerified;

export function decideLinks(command: UserLinkCommand, state: LinkOwner): (UserLinkEvent | ResetEvent)[] {
  switch (command.type) {
    case 'RequestLink':
      return requestLink(command, state);
    case 'VerifyEmail': {
      const presented = { ...command.data, now: command.now };
      if (hasVerified(state.links, presented)) return [];
      const { tokenHash } = liveLink(state.links, 'verification', presented);
      return [{ type: 'EmailVerified', data: { tokenHash } }];
    }
    case 'VouchForEmail':
      return state.links.verified ? [] : [{ type: 'EmailVerified', data: { tokenHash: null } }];
    case 'ResetPassword':
      return resetPassword(command, state);
    case 'ChangeEmail':
      return changeEmail(command, state);
  }
}

/** A link ends when its user changes a credential. The user has to ask for a new one. */
function requestLink({ data }: RequestLink, state: LinkOwner): UserLinkEvent[] {
  const { epoch, ...link } = data;
  if (epoch !== signInEpoch(state)) reject('CredentialsChanged', CREDENTIALS_CHANGED);
  if (link.purpose === 'verification' && state.links.verified) return [];
  return [{ type: 'LinkRequested', data: link }];
}

const CREDENTIALS_CHANGED = 'What you sign in with has changed meanwhile; please try again.';

/** A link that came by mail also shows that the mail is read by the user. */
function resetPassword({ data, now }: ResetPassword, { links }: LinkOwner): ResetEvent[] {
  const { tokenHash, passwordHash } = data;
  liveLink(links, 'password reset', { tokenHash, now });
  const vouched: EmailVerified[] = links.verified ? [] : [{ type: 'EmailVerified', data: { tokenHash: null } }];
  return [{ type: 'PasswordChanged', data: { passwordHash, keptSession: null, at: now } }, ...vouched];
}

function changeEmail({ data, now }: ChangeEmail, state: LinkOwner): UserLinkEvent[] {
  const { tokenHash, email, formerEmail, claimEpoch } = data;
  const { sessionId = null } = liveLink(state.links, 'email change', { tokenHash, now });
  if (claimEpoch !== state.claimEpoch)
    reject('ClaimOutdated', 'Your details have changed meanwhile; please try again.');
  return [{ type: 'EmailChanged', data: { email, formerEmail, keptSession: sessionId, at: now } }];
}
