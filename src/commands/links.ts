import { placeOfUser, sealedInLink, sealedInUser } from '../aggregates/sealed.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import { linkInvalid, type LinkPurpose, liveLink } from '../aggregates/userLinks.ts';
import { wasHandled } from '../engine/decide/answer.ts';
import { invalid, isRefusal, unauthenticated } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { Email, Fields, LinkToken, Message, NewPassword, Password, TypedEmail } from '../schema.ts';
import { activeUser, claim, emailClaim, normalEmail, PEOPLE, refuseTaken } from './auth.ts';
import { holderOf, onCurrentClaims, releaseTurn, turnOf, using } from './claim.ts';
import { type CommandContext, defineCommand } from './contract.ts';
import { countMail, mailLinkLater, requestLink } from './mailLink.ts';

const ASKED = 'If there is an account with this address, a mail with a link is on its way to it.';

const asking = (
  name: string,
  route: `POST /${string}`,
  { purpose, summary }: { purpose: LinkPurpose; summary: string },
) =>
  defineCommand({
    ...{ name, summary, route, tag: 'auth', access: 'anyone', limit: 'login', security: `link for a ${purpose} asked` },
    body: Fields({ email: TypedEmail }),
    status: 202,
    result: Message,
    run({ body: { email } }, context) {
      mailLinkLater(context, purpose, email);
      return Promise.resolve({ data: { message: ASKED } });
    },
  });

const askVerification = asking('AskEmailVerification', 'POST /auth/verify-email/request', {
  purpose: 'verification',
  summary:
    'Ask for a mailed link that verifies an e-mail address; the answer does not tell whether there is an account',
});
const askReset = asking('AskPasswordReset', 'POST /auth/password-reset/request', {
  purpose: 'password reset',
  summary: 'Ask for a mailed link that sets a new password; the answer does not tell whether there is an account',
});

/** The user whom a link's token names. Whatever is wrong with a token, the refusal is the same. */
async function presented(context: CommandContext, token: string) {
  const { userId, hash } = context.services.tokens.parseLink(token) ?? linkInvalid();
  const { state } = await context.load(userDecider, userId);
  if (state.status !== 'active' || state.deactivated) return linkInvalid();
  return { userId, user: state, tokenHash: hash };
}

const isDone = async (context: CommandContext, userId: string): Promise<boolean> =>
  wasHandled(context.services, streamOf(userDecider.category, userId), context.origin);

const verifyEmail = defineCommand({
  name: 'VerifyEmail',
  summary: 'Verify an e-mail address by the token of a mailed link',
  tag: 'auth',
  route: 'POST /auth/verify-email',
  access: 'anyone',
  limit: 'login',
  security: 'verification of an e-mail address',
  body: Fields({ token: LinkToken }),
  result: Message,
  codes: ['LINK_INVALID'],
  async run({ body: { token } }, context) {
    const { userId, tokenHash } = await presented(context, token);
    await context.handle(userDecider, userId, { type: 'VerifyEmail', data: { tokenHash } });
    return { data: { message: 'the e-mail address is verified' } };
  },
});

const resetPassword = defineCommand({
  name: 'ResetPassword',
  summary: 'Set a new password by the token of a mailed link; ends every session. A second factor stays on',
  tag: 'auth',
  route: 'POST /auth/password-reset',
  access: 'anyone',
  limit: 'login',
  security: 'password reset',
  body: Fields({ token: LinkToken, new_password: NewPassword }),
  result: Message,
  codes: ['LINK_INVALID'],
  revokes: true,
  check: ({ new_password: password }, { passwords }) => {
    if (typeof password === 'string') passwords.check(password, 'new_password');
  },
  async run({ body }, context) {
    const { personalData, passwords } = context.services;
    const { userId, user, tokenHash } = await presented(context, body.token);
    if (!(await isDone(context, userId))) {
      liveLink(user.links, 'password reset', { tokenHash, now: context.now });
      const { email, name } = await personalData.reveal(user, sealedInUser(userId));
      passwords.check(body.new_password, 'new_password', [email, name]);
    }
    const hash = await passwords.hash(body.new_password);
    const passwordHash = await personalData.seal(placeOfUser(userId, 'PasswordChanged.passwordHash'), hash);
    await context.handle(userDecider, userId, { type: 'ResetPassword', data: { tokenHash, passwordHash } });
    return { data: { message: 'the password is changed' } };
  },
});

/** Another user who has the address, as far as is known now: its claim is taken when the change is confirmed. */
async function mustBeFree(context: CommandContext, email: string): Promise<void> {
  const found = await holderOf(context, emailClaim(context, email), PEOPLE);
  if (found !== undefined && found.id !== context.actor.id) refuseTaken('email');
}

/** Counts the mail; false when the address has had its share, which the caller is not told: it is not their own. */
async function mayMail(context: CommandContext, mailbox: string): Promise<boolean> {
  try {
    await countMail(context, mailbox);
    return true;
  } catch (error) {
    if (isRefusal(error) && error.rule === 'MailsSpent') return false;
    throw error;
  }
}

const askEmailChange = defineCommand({
  name: 'AskEmailChange',
  summary: 'Ask to change my e-mail address: a link is mailed to the new one, and changes it',
  tag: 'users',
  route: 'POST /users/me/email',
  access: 'user',
  limit: 'login',
  security: 'change of e-mail asked',
  body: Fields({ email: Email, password: Password }),
  status: 202,
  result: Message,
  codes: ['CONFLICT'],
  async run({ body: { email, password } }, context) {
    const { id, sessionId = null } = context.actor;
    const { personalData, passwords } = context.services;
    const user = await activeUser(context, id);
    const known = await personalData.reveal(user, sealedInUser(id));
    if (!(await passwords.verify(password, known.passwordHash))) {
      unauthenticated('WrongCredentials', 'The password is wrong.');
    }
    if (normalEmail(email) === normalEmail(known.email)) invalid('email', 'is your e-mail address already');
    await mustBeFree(context, email);
    await countMail(context, id);
    const newClaim = emailClaim(context, email);
    if (await mayMail(context, newClaim)) {
      const sealed = await personalData.seal(placeOfUser(id, 'LinkRequested.email'), email);
      await requestLink(context, id, {
        ...{ purpose: 'email change', user },
        to: { email: sealed, emailClaim: newClaim, sessionId },
      });
    }
    return { data: { message: 'A mail with a link is on its way to the new address.' } };
  },
});

interface Move {
  readonly userId: string;
  readonly user: ActiveUser;
  readonly tokenHash: string;
}

/** Claims the new address, changes to it, and releases the former one. */
async function moveTo(context: CommandContext, { userId, user, tokenHash }: Move): Promise<void> {
  const { personalData } = context.services;
  const link = liveLink(user.links, 'email change', { tokenHash, now: context.now });
  const { email = '' } = await personalData.reveal(link, sealedInLink(userId));
  const { email: former } = await personalData.reveal(user, sealedInUser(userId));
  const formerClaim = emailClaim(context, former);
  const turn = await turnOf(context, formerClaim);
  const seal = (field: 'email' | 'formerEmail', text: string) =>
    personalData.seal(placeOfUser(userId, `EmailChanged.${field}`), text);
  const sealed = { email: await seal('email', email), formerEmail: await seal('formerEmail', former) };
  const data = { tokenHash, ...sealed, claimEpoch: user.claimEpoch };
  const claimed = await claim(context, 'email', emailClaim(context, email), userId);
  await using(context, claimed, () => context.handle(userDecider, userId, { type: 'ChangeEmail', data }));
  await releaseTurn(context, { claimId: formerClaim, holder: userId, turn });
}

const changeEmail = defineCommand({
  name: 'ChangeEmail',
  summary:
    'Change an e-mail address by the token of the link that was mailed to the new one; ends every session but that which asked',
  tag: 'auth',
  route: 'POST /auth/email-change',
  access: 'anyone',
  limit: 'login',
  security: 'change of e-mail',
  body: Fields({ token: LinkToken }),
  result: Message,
  codes: ['CONFLICT', 'LINK_INVALID'],
  revokes: true,
  async run({ body: { token } }, context) {
    // A former address that is not released here is released by the next one who wants it: its holder does not use it.
    await onCurrentClaims(async () => {
      const found = await presented(context, token);
      if (!(await isDone(context, found.userId))) await moveTo(context, found);
    });
    return { data: { message: 'the e-mail address is changed' } };
  },
});

export const linkCommands = [askVerification, askReset, verifyEmail, resetPassword, askEmailChange, changeEmail];
