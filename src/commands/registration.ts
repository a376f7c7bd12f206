import { Type } from 'typebox';
import { placeOfUser } from '../aggregates/sealed.ts';
import { type Role, userDecider } from '../aggregates/user.ts';
import { answerWith } from '../engine/decide/answer.ts';
import type { Answer } from '../engine/decide/command.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { invalid } from '../errors.ts';
import { UserView } from '../queries/user.ts';
import { Email, Fields, NewPassword, UserPhone } from '../schema.ts';
import { claim, emailClaim, normalEmail, userAnswers } from './auth.ts';
import { everyFault } from './check.ts';
import { using } from './claim.ts';
import { type CommandContext, defineChange } from './contract.ts';
import { mailLinkLater } from './mailLink.ts';
import { checkNamed, givenName, NameFields } from './personName.ts';
import { checkPhone, claimPhone, phoneClaim, storedPhone } from './phone.ts';

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly phone?: string;
  readonly role: Role;
}

/** Claims the values that must be unique (e-mail, phone), then registers. */
async function register(context: CommandContext, registration: Registration): Promise<Outcome> {
  const { personalData, passwords, settings } = context.services;
  const { email, password, name, phone: typed, role } = registration;
  passwords.check(password, 'password', [email, name]);
  const phone = typed === undefined ? undefined : { typed, stored: storedPhone(typed, settings) };
  const userId = context.derive('user');
  await personalData.createKey(userId);
  const passwordHash = await personalData.seal(
    placeOfUser(userId, 'UserRegistered.passwordHash'),
    await passwords.hash(password),
  );
  const data = {
    email: await personalData.seal(placeOfUser(userId, 'UserRegistered.email'), email),
    name: await personalData.seal(placeOfUser(userId, 'UserRegistered.name'), name.trim()),
    phone:
      phone === undefined ? null : await personalData.seal(placeOfUser(userId, 'UserRegistered.phone'), phone.stored),
    phoneClaim: phone === undefined ? null : phoneClaim(context, phone.stored),
    passwordHash,
    role,
  };
  const enter = () => context.handle(userDecider, userId, { type: 'RegisterUser', data }, { step: 'register' });
  const { state } = await context.load(userDecider, userId);
  if (state.status !== 'none') return enter();
  return using(context, await claim(context, 'email', emailClaim(context, email), userId), async () => {
    if (phone === undefined) return enter();
    return using(context, await claimPhone(context, phone, userId), enter);
  });
}

/** Registers a person outside the public route, such as an admin. The operator vouches for the address. */
export async function registerUser(context: CommandContext, registration: Registration): Promise<Answer> {
  await register(context, registration);
  const intent = { type: 'VouchForEmail', data: {} } as const;
  const vouched = await context.handle(userDecider, context.derive('user'), intent, { step: 'vouch' });
  return answerWith(userAnswers, vouched, context);
}

/** Registers by the public route: the address is verified by a mailed link where the settings demand that. */
async function registered(context: CommandContext, registration: Registration): Promise<Outcome> {
  const outcome = await register(context, registration);
  if (context.services.settings.signIn.verifiedEmail) mailLinkLater(context, 'verification', registration.email);
  return outcome;
}

const registerCommand = defineChange({
  name: 'RegisterUser',
  summary: 'Register as a buyer',
  tag: 'auth',
  route: 'POST /auth/register',
  aliases: ['POST /users/register', 'POST /register'],
  access: 'anyone',
  limit: 'register',
  security: 'registration',
  about: (body) => normalEmail((body as { email: string }).email),
  body: Fields({ email: Email, password: NewPassword, ...NameFields, phone: Type.Optional(UserPhone) }),
  status: 201,
  result: UserView,
  answers: userAnswers,
  codes: ['CONFLICT'],
  seenAt: () => '/users/me',
  check: (body, { passwords, settings }) =>
    everyFault(
      () => {
        const { password, email, ...others } = body;
        const context = [email, ...Object.values(others)].filter((value) => typeof value === 'string');
        if (typeof password === 'string') passwords.check(password, 'password', context);
      },
      () => checkNamed(body),
      () => checkPhone(body, settings),
    ),
  run: ({ body: { email, password, phone, ...forms } }, context) => {
    const name = givenName(forms) ?? invalid('name', 'is missing');
    const registration = { email, password, name, role: 'buyer' } as const;
    return registered(context, phone === undefined ? registration : { ...registration, phone });
  },
});

export const registrationCommands = [registerCommand];
