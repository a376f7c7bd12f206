import { Type } from 'typebox';
import { placeOfUser, sealedInUser } from '../aggregates/sealed.ts';
import { sessionDecider, whyOutdated } from '../aggregates/session.ts';
import { type ActiveUser, type UserCommand, userDecider, type UserEvent, type UserState } from '../aggregates/user.ts';
import { isRefusal, reject, type SecurityFinding, unauthenticated } from '../errors.ts';
import { type UserRow, users } from '../projections/users.ts';
import { Email, Fields, Message, Password, RefreshToken } from '../schema.ts';
import { userView } from '../queries/user.ts';
import { endOf, isStillDerived, tokenAnswer, TokenPair } from './tokenPair.ts';
import { LoginChallenge, mayHaveTokens, startSession, waitingFor } from './startSession.ts';
import { type Claim, type Holders, holderOf, obtain } from './claim.ts';
import type { Answers } from '../engine/decide/command.ts';
import { type CommandContext, defineCommand, type Services } from './contract.ts';

/** The form in which e-mail addresses are compared: by the case of ASCII letters alone. A letter that only looks alike is another. */
export const normalEmail = (email: string): string => email.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
export const emailClaim = (context: CommandContext, email: string): string =>
  `email-${context.services.personalData.blindIndex('email', normalEmail(email))}`;
/** People hold the claims of their e-mail address and their phone number. */
export const PEOPLE: Holders<UserState, UserCommand, UserEvent> = {
  decider: userDecider,
  async uses(context, { id, state }, claimId) {
    if (state.status !== 'active') return false;
    if (state.phoneClaim === claimId) return true;
    const { email } = await context.services.personalData.reveal(state, sealedInUser(id));
    return emailClaim(context, email) === claimId;
  },
  fence: (state, claim) =>
    state.status === 'active'
      ? { type: 'AbandonUserClaim', data: { claim, claimEpoch: state.claimEpoch } }
      : { type: 'AbandonRegistration', data: {} },
};

/** Refuses a value that another person has, by the name of its field. */
export function refuseTaken(field: string): never {
  const message = `This ${field} is already taken.`;
  return reject('ValueTaken', message, { errors: [{ code: 'CONFLICT', field, message }] });
}

/** Claims a unique value for a person, or refuses with the field's name. */
export async function claim(context: CommandContext, field: string, claimId: string, holder: string): Promise<Claim> {
  return (await obtain(context, { claimId, holder, step: `claim ${field}` }, PEOPLE)) ?? refuseTaken(field);
}

export const userAnswers: Answers<UserRow, Services> = {
  row: users,
  view: (row, { services }) => services.personalData.reveal(userView(row), sealedInUser(row.id)),
};

export async function activeUser(context: CommandContext, userId: string): Promise<ActiveUser> {
  return active((await context.load(userDecider, userId)).state);
}

export const active = (state: UserState): ActiveUser =>
  state.status === 'active' && !state.deactivated ? state : unauthenticated('UserGone', 'This account is not active.');

/** Hashes the password at the cost of the settings. The login goes on when that fails: the next one tries again. */
async function rehash(
  context: CommandContext,
  userId: string,
  { user, password }: { user: ActiveUser; password: string },
): Promise<void> {
  const { passwords, personalData } = context.services;
  try {
    const hash = await passwords.hash(password);
    const passwordHash = await personalData.seal(placeOfUser(userId, 'PasswordRehashed.passwordHash'), hash);
    const data = { passwordHash, passwordChanges: user.passwordChanges };
    const step = { step: 'rehash', provisional: true };
    await context.handle(userDecider, userId, { type: 'RehashPassword', data }, step);
  } catch (error) {
    if (!isRefusal(error) || error.kind !== 'unavailable') throw error;
  }
}

const logIn = defineCommand({
  name: 'LogIn',
  summary: 'Log in with e-mail and password',
  tag: 'auth',
  route: 'POST /auth/login',
  aliases: ['POST /users/login'],
  access: 'anyone',
  limit: 'login',
  unrepeatable: true,
  security: 'login',
  body: Fields({ email: Email, password: Password }),
  result: Type.Union([TokenPair, LoginChallenge]),
  codes: ['EMAIL_NOT_VERIFIED'],
  async run({ body }, context) {
    const { passwords, personalData } = context.services;
    const found = await holderOf(context, emailClaim(context, body.email), PEOPLE);
    const user =
      found?.state.status === 'active' ? await personalData.reveal(found.state, sealedInUser(found.id)) : undefined;
    const right = await passwords.verify(body.password, user?.passwordHash);
    if (!right || found === undefined || user === undefined) {
      return unauthenticated('WrongCredentials', 'E-mail or password is wrong.');
    }
    active(found.state);
    if (passwords.isOutdated(user.passwordHash)) await rehash(context, found.id, { user, password: body.password });
    return (
      (await waitingFor(context, found.id, user)) ??
      startSession(context, { id: found.id, user, revision: found.revision })
    );
  },
});

const notValid = (finding?: SecurityFinding): never =>
  unauthenticated('RefreshTokenInvalid', 'This refresh token is invalid, expired or already used.', finding);

/** Ending the session is no effect of a refresh: the caller is refused all the same. After a refresh, nothing is read that could fail. */
const REFUSABLE = { provisional: true } as const;

const refreshTokens = defineCommand({
  name: 'RefreshTokens',
  summary: 'Exchange a refresh token for a new pair; the old one is spent',
  tag: 'auth',
  route: 'POST /auth/refresh',
  access: 'anyone',
  limit: 'refresh',
  unrepeatable: true,
  security: 'refresh of a session',
  body: Fields({ refresh_token: RefreshToken }),
  result: TokenPair,
  codes: ['EMAIL_NOT_VERIFIED', 'SECOND_FACTOR_REQUIRED'],
  revokes: true,
  async run({ body }, context) {
    const { tokens } = context.services;
    const presented = tokens.parseRefresh(body.refresh_token) ?? notValid();
    const { sessionId } = presented;
    const { state: session } = await context.load(sessionDecider, sessionId);
    if (session.status !== 'open') return notValid();
    if (session.random !== true && !(await isStillDerived(context, sessionId, body.refresh_token))) return notValid();
    const { state, revision } = await context.load(userDecider, session.userId);
    const reason = whyOutdated(session, sessionId, active(state));
    if (reason !== undefined) {
      await context.handle(sessionDecider, sessionId, { type: 'EndSession', data: { reason } }, REFUSABLE);
      return notValid(endOf({ userId: session.userId, reason }, sessionId));
    }
    mayHaveTokens(context, active(state));
    const answer = await tokenAnswer(context, session.userId, revision);
    const next = tokens.refresh(sessionId);
    const data = { presented: presented.hash, tokenHash: next.hash, random: true } as const;
    const { events } = await context.handle(sessionDecider, sessionId, { type: 'RefreshSession', data }, REFUSABLE);
    const ended = events.find((event) => event.type === 'SessionEnded');
    if (ended !== undefined) return notValid(endOf(ended.data, sessionId));
    return answer(sessionId, next.token);
  },
});

const logOut = defineCommand({
  name: 'LogOut',
  summary: 'End a session',
  tag: 'auth',
  route: 'POST /auth/logout',
  access: 'anyone',
  limit: 'refresh',
  security: 'logout',
  body: Fields({ refresh_token: RefreshToken }),
  result: Message,
  revokes: true,
  async run({ body }, context) {
    const { sessionId, hash } = context.services.tokens.parseRefresh(body.refresh_token) ?? notValid();
    const { state } = await context.load(sessionDecider, sessionId);
    if (state.status === 'none') return notValid();
    const data = { presented: hash, reason: 'logout' } as const;
    await context.handle(sessionDecider, sessionId, { type: 'EndSession', data });
    return { data: { message: 'logged out' } };
  },
});

export const authCommands = [logIn, refreshTokens, logOut];
