import { Type } from 'typebox';
import { placeOfUser, sealedInFactor, sealedInUser } from '../aggregates/sealed.ts';
import { codeWrong } from '../aggregates/secondFactor.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import { signInEpoch } from '../aggregates/userLinks.ts';
import { reject, unauthenticated } from '../errors.ts';
import { isTimeCode, newSecret, otpauthUrl, stepOfCode } from '../platform/oneTimeCodes.ts';
import { Code, Fields, Message, Named, Password } from '../schema.ts';
import { active, activeUser } from './auth.ts';
import { type CommandContext, defineCommand } from './contract.ts';
import { mustShow, prove, recoveryCodes } from './secondFactorProof.ts';
import { isFactorDemanded, startSession } from './startSession.ts';
import { TokenPair } from './tokenPair.ts';

const Challenge = Type.String({
  ...{ minLength: 1, maxLength: 2_000 },
  description: 'the challenge that a login has answered, at most 2000 characters',
});
const Offer = Named('SecondFactorOffer', { secret: Type.String(), otpauth_url: Type.String() });
const RecoveryCodes = Named('RecoveryCodes', { recovery_codes: Type.Array(Type.String()) });
const Enrolled = Named('SecondFactorEnrolled', { recovery_codes: Type.Array(Type.String()), login: TokenPair });

const notWaiting = (): never =>
  unauthenticated('ChallengeInvalid', 'This login no longer waits for a code; log in again.');

/** The user of a waiting login, if nothing that they sign in with has changed since. */
async function waiting(context: CommandContext, challenge: string) {
  const login = context.services.tokens.parseChallenge(challenge) ?? notWaiting();
  const { state, revision } = await context.load(userDecider, login.userId);
  if (state.status !== 'active' || state.deactivated || signInEpoch(state) !== login.epoch) return notWaiting();
  return { id: login.userId, user: state, revision, epoch: login.epoch };
}

async function mustKnowPassword(context: CommandContext, user: ActiveUser, password: string): Promise<void> {
  const { passwordHash } = await context.services.personalData.reveal(user, sealedInUser(context.actor.id));
  if (await context.services.passwords.verify(password, passwordHash)) return;
  unauthenticated('WrongCredentials', 'The password is wrong.');
}

/** Makes a secret, which is shown this once. */
async function offer(context: CommandContext, userId: string, user: ActiveUser) {
  const { personalData, settings } = context.services;
  const secret = newSecret();
  const data = { secret: await personalData.seal(placeOfUser(userId, 'SecondFactorOffered.secret'), secret) };
  const { revision } = await context.handle(userDecider, userId, { type: 'OfferSecondFactor', data });
  const { email } = await personalData.reveal(user, sealedInUser(userId));
  return { data: { secret, otpauth_url: otpauthUrl(secret, settings.signIn.issuer, email) }, revision };
}

/** Turns the factor on by a code of the offered secret, which is spent with it. */
async function enable(context: CommandContext, userId: string, { user, code }: { user: ActiveUser; code: string }) {
  const { offered } = user.secondFactor;
  if (offered === null) return reject('SecondFactorNotOffered', 'Ask for a secret first, and confirm with its code.');
  const { offered: secret } = await context.services.personalData.reveal({ offered }, sealedInFactor(userId));
  const step = isTimeCode(code) ? stepOfCode(secret, code, context.now) : undefined;
  if (step === undefined) return codeWrong();
  const { codes, recoveryHashes } = await recoveryCodes(context, userId, 'SecondFactorEnabled');
  const data = { secret: offered, step, recoveryHashes, keptSession: context.actor.sessionId ?? null };
  const { state, revision } = await context.handle(userDecider, userId, { type: 'EnableSecondFactor', data });
  return { codes, user: active(state), revision };
}

const logInByCode = defineCommand({
  name: 'LogInByCode',
  summary: 'Finish a login by the code of the second factor, or a recovery code',
  tag: 'auth',
  route: 'POST /auth/login/code',
  access: 'anyone',
  limit: 'login',
  unrepeatable: true,
  security: 'login by second factor',
  body: Fields({ challenge: Challenge, code: Code }),
  result: TokenPair,
  async run({ body: { challenge, code } }, context) {
    const { id, user, revision, epoch } = await waiting(context, challenge);
    const proved = await prove(context, id, { user, code });
    const pass = async (): Promise<ActiveUser> => {
      const intent = { type: 'PassSecondFactor', data: { ...proved, epoch } } as const;
      return active((await context.handle(userDecider, id, intent, { step: 'pass', provisional: true })).state);
    };
    return startSession(context, { id, user, revision }, pass);
  },
});

const offerAtLogin = defineCommand({
  name: 'OfferSecondFactorAtLogin',
  summary: 'Get a secret for the second factor that a login demands; it is shown once',
  tag: 'auth',
  route: 'POST /auth/second-factor',
  access: 'anyone',
  limit: 'login',
  unrepeatable: true,
  security: 'enrolment of a second factor',
  body: Fields({ challenge: Challenge }),
  result: Offer,
  revised: 'always',
  codes: ['CONFLICT'],
  async run({ body: { challenge } }, context) {
    const { id, user } = await waiting(context, challenge);
    return offer(context, id, user);
  },
});

const enableAtLogin = defineCommand({
  name: 'EnableSecondFactorAtLogin',
  summary: 'Turn on the second factor that a login demands, and finish the login; the recovery codes are shown once',
  tag: 'auth',
  route: 'POST /auth/second-factor/confirm',
  access: 'anyone',
  limit: 'login',
  unrepeatable: true,
  security: 'second factor on',
  body: Fields({ challenge: Challenge, code: Code }),
  result: Enrolled,
  codes: ['CONFLICT'],
  revokes: true,
  async run({ body: { challenge, code } }, context) {
    const { id, user } = await waiting(context, challenge);
    const enabled = await enable(context, id, { user, code });
    const { data } = await startSession(context, { id, ...enabled });
    return { data: { recovery_codes: enabled.codes, login: data } };
  },
});

const offerMine = defineCommand({
  name: 'OfferSecondFactor',
  summary: 'Get a secret for a second factor of mine; it is shown once, and on once its code was sent',
  tag: 'users',
  route: 'POST /users/me/second-factor',
  access: 'user',
  enrolment: true,
  limit: 'login',
  unrepeatable: true,
  security: 'enrolment of a second factor',
  body: Fields({ password: Type.Optional(Password) }),
  result: Offer,
  revised: 'always',
  codes: ['CONFLICT', 'FORBIDDEN'],
  async run({ body }, context) {
    const password = mustShow(body.password, 'the password');
    const user = await activeUser(context, context.actor.id);
    await mustKnowPassword(context, user, password);
    return offer(context, context.actor.id, user);
  },
});

const enableMine = defineCommand({
  name: 'EnableSecondFactor',
  summary: 'Turn on my second factor by a code; ends every other session, and shows the recovery codes once',
  tag: 'users',
  route: 'POST /users/me/second-factor/confirm',
  access: 'user',
  enrolment: true,
  limit: 'login',
  unrepeatable: true,
  security: 'second factor on',
  body: Fields({ code: Code }),
  result: RecoveryCodes,
  revised: 'always',
  codes: ['CONFLICT'],
  revokes: true,
  async run({ body: { code } }, context) {
    const user = await activeUser(context, context.actor.id);
    const { codes, revision } = await enable(context, context.actor.id, { user, code });
    return { data: { recovery_codes: codes }, revision };
  },
});

const Proofs = Fields({ password: Type.Optional(Password), code: Type.Optional(Code) });

/** The caller, who has shown password and code. */
async function shown(context: CommandContext, body: { password?: string; code?: string }) {
  const password = mustShow(body.password, 'the password and a code');
  const code = mustShow(body.code, 'the password and a code');
  const user = await activeUser(context, context.actor.id);
  await mustKnowPassword(context, user, password);
  if (user.secondFactor.enabled === null) reject('SecondFactorOff', 'The second factor is not on.');
  return { user, proved: await prove(context, context.actor.id, { user, code }) };
}

const disableMine = defineCommand({
  name: 'DisableSecondFactor',
  summary: 'Turn off my second factor, by password and code; ends every other session',
  tag: 'users',
  route: 'POST /users/me/second-factor/disable',
  access: 'user',
  limit: 'login',
  unrepeatable: true,
  security: 'second factor off',
  body: Proofs,
  result: Message,
  revised: 'always',
  codes: ['CONFLICT', 'FORBIDDEN'],
  revokes: true,
  async run({ body }, context) {
    const { user, proved } = await shown(context, body);
    if (isFactorDemanded(context, user)) {
      reject('SecondFactorRequired', 'The settings of the shop demand a second factor of this account.', {
        code: 'SECOND_FACTOR_REQUIRED',
      });
    }
    const data = { ...proved, keptSession: context.actor.sessionId ?? null };
    const { revision } = await context.handle(userDecider, context.actor.id, { type: 'DisableSecondFactor', data });
    return { data: { message: 'the second factor is off' }, revision };
  },
});

const renewCodes = defineCommand({
  name: 'RenewRecoveryCodes',
  summary: 'Get new recovery codes, by password and code; the old ones end, and so does every other session',
  tag: 'users',
  route: 'POST /users/me/second-factor/recovery-codes',
  access: 'user',
  limit: 'login',
  unrepeatable: true,
  security: 'new recovery codes',
  body: Proofs,
  result: RecoveryCodes,
  revised: 'always',
  codes: ['CONFLICT', 'FORBIDDEN'],
  revokes: true,
  async run({ body }, context) {
    const { proved } = await shown(context, body);
    const { codes, recoveryHashes } = await recoveryCodes(context, context.actor.id, 'RecoveryCodesRenewed');
    const data = { ...proved, recoveryHashes, keptSession: context.actor.sessionId ?? null };
    const { revision } = await context.handle(userDecider, context.actor.id, { type: 'RenewRecoveryCodes', data });
    return { data: { recovery_codes: codes }, revision };
  },
});

export const secondFactorCommands = [
  logInByCode,
  offerAtLogin,
  enableAtLogin,
  offerMine,
  enableMine,
  disableMine,
  renewCodes,
];
