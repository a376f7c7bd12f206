import { Type } from 'typebox';
import { placeOfSession, type Sealed } from '../aggregates/sealed.ts';
import { sessionDecider } from '../aggregates/session.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import { signInEpoch } from '../aggregates/userLinks.ts';
import type { Answer } from '../engine/decide/command.ts';
import { Refusal, reject } from '../errors.ts';
import { Named } from '../schema.ts';
import type { CommandContext, Services } from './contract.ts';
import { tokenAnswer } from './tokenPair.ts';

/** The answer to a right password that alone signs nobody in. It holds no token of a session. */
export const LoginChallenge = Named('LoginChallenge', {
  second_factor: Type.Union([Type.Literal('code needed'), Type.Literal('enrolment needed')]),
  challenge: Type.String(),
  expires_in: Type.Integer(),
});

/** Whether the settings demand a second factor of people with this role. */
export const demandsFactorOf = ({ settings }: Pick<Services, 'settings'>, role: string): boolean =>
  settings.signIn.secondFactor === 'admin' && role === 'admin';

export const isFactorDemanded = ({ services }: CommandContext, user: ActiveUser): boolean =>
  demandsFactorOf(services, user.role);

/** Whether the settings demand a second factor of this user, who has none. */
const lacksFactor = (context: CommandContext, user: ActiveUser): boolean =>
  isFactorDemanded(context, user) && user.secondFactor.enabled === null;

/**
 * Whether the account of a caller has no second factor now. A token does not tell: it may be older than the demand of the settings, or
 * than the end of the factor.
 */
export async function isWithoutFactor({ aggregates }: Pick<Services, 'aggregates'>, userId: string): Promise<boolean> {
  const { state } = await aggregates.load(userDecider, userId);
  return state.status !== 'active' || state.secondFactor.enabled === null;
}

export const factorRequired = (): Refusal =>
  new Refusal(
    'forbidden',
    'SecondFactorRequired',
    'This account must have a second factor: log in again, and set it up.',
    {
      code: 'SECOND_FACTOR_REQUIRED',
    },
  );

function mustBeVerified({ services: { settings } }: CommandContext, { links }: ActiveUser): void {
  if (!settings.signIn.verifiedEmail || links.verified) return;
  reject('EmailNotVerified', 'Verify your e-mail address first, by the link that was mailed to it.', {
    code: 'EMAIL_NOT_VERIFIED',
  });
}

/** Refuses tokens to a user of whom the settings demand more than they have shown. */
export function mayHaveTokens(context: CommandContext, user: ActiveUser): void {
  mustBeVerified(context, user);
  if (!lacksFactor(context, user)) return;
  throw factorRequired();
}

/** The answer to a right password when more is needed; undefined when nothing is. */
export async function waitingFor(
  context: CommandContext,
  userId: string,
  user: ActiveUser,
): Promise<Answer | undefined> {
  mustBeVerified(context, user);
  const isOn = user.secondFactor.enabled !== null;
  if (!isOn && !lacksFactor(context, user)) return undefined;
  const { token, expiresIn } = context.services.tokens.challenge({ userId, epoch: signInEpoch(user) });
  const second_factor = isOn ? 'code needed' : 'enrolment needed';
  return Promise.resolve({ data: { second_factor, challenge: token, expires_in: expiresIn } });
}

/** The longest name of a caller's software that is kept. */
const AGENT_LENGTH_MAX = 300;

/** Where a session comes from, sealed for its user. */
async function sealedClient(context: CommandContext, sessionId: string, userId: string) {
  const client = context.origin.client?.();
  if (client === undefined) return {};
  const seal = (field: 'address' | 'agent', text: string): Promise<Sealed> =>
    context.services.personalData.seal(placeOfSession(sessionId, userId, `SessionStarted.${field}`), text);
  const agent = client.agent?.slice(0, AGENT_LENGTH_MAX);
  const address = await seal('address', client.address);
  return agent === undefined ? { address } : { address, agent: await seal('agent', agent) };
}

interface SignedIn {
  readonly id: string;
  readonly user: ActiveUser;
  readonly revision: bigint;
}

/** Starts a session and answers with its tokens. `more`: what a command does between reading what it needs and the session. */
export async function startSession(
  context: CommandContext,
  { id, user, revision }: SignedIn,
  before: () => Promise<ActiveUser> = () => Promise.resolve(user),
): Promise<Answer> {
  const { tokens } = context.services;
  const answer = await tokenAnswer(context, id, revision);
  const sessionId = context.derive('session');
  const refresh = tokens.refresh(sessionId);
  const expiresAt = new Date(Date.parse(context.now) + tokens.sessionTtlMs).toISOString();
  const client = await sealedClient(context, sessionId, id);
  const { passwordChanges, rolesTaken, deactivations } = await before();
  const counts = { passwordChanges, rolesTaken, deactivations, ...client };
  const data = { userId: id, tokenHash: refresh.hash, expiresAt, ...counts, random: true } as const;
  await context.handle(sessionDecider, sessionId, { type: 'StartSession', data }, { step: 'session' });
  return answer(sessionId, refresh.token);
}
