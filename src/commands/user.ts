import { Type } from 'typebox';
import { formerPhone } from '../aggregates/phone.ts';
import { placeOfUser, type Sealed, sealedInUser, type SealedName } from '../aggregates/sealed.ts';
import { type ActiveUser, type ProfileUpdated, userDecider, type UserState } from '../aggregates/user.ts';
import { Fields, Line, Message, Nullable, NewPassword, Password, UserPhone } from '../schema.ts';
import { isRefusal, unauthenticated } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { UserView } from '../queries/user.ts';
import type { Handled } from '../engine/decide/services.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { active, activeUser, PEOPLE, userAnswers } from './auth.ts';
import { type Claim, isDoomed, onCurrentClaims, releaseTurn, releaseUnused, turnOf, using } from './claim.ts';
import { type CommandContext, defineChange, defineCommand } from './contract.ts';
import { checkRenamed, givenName, NameFields } from './personName.ts';
import { claimPhone, phoneClaim, storedPhone } from './phone.ts';
import { stateBefore, wasHandled } from '../engine/decide/answer.ts';

const Address = Line(500);

const sealed = (context: CommandContext, field: SealedName, text: string): Promise<Sealed> =>
  context.services.personalData.seal(placeOfUser(context.actor.id, field), text);
const sealedIfAny = async (context: CommandContext, field: SealedName, text: string | null): Promise<Sealed | null> =>
  text === null ? null : sealed(context, field, text);

interface Wanted {
  readonly typed: string;
  /** In E.164. */
  readonly stored: string;
  readonly claimId: string;
}

/**
 * The number that the user wants; undefined when it stays. A number of an earlier version that is none by today's rule stays when it comes
 * back as it was shown.
 */
async function wantedPhone(context: CommandContext, user: ActiveUser, typed: string): Promise<Wanted | undefined> {
  const { settings, personalData } = context.services;
  try {
    const stored = storedPhone(typed, settings);
    return { typed, stored, claimId: phoneClaim(context, stored) };
  } catch (error) {
    const { phone } = await personalData.reveal(user, sealedInUser(context.actor.id));
    if (isRefusal(error) && phone !== null && formerPhone(typed) === formerPhone(phone)) return undefined;
    throw error;
  }
}

/** The change of the phone number: none when it stays. */
async function changeOfPhone(context: CommandContext, wanted: Wanted | null | undefined) {
  if (wanted === undefined) return {};
  if (wanted === null) return { phone: null, phoneClaim: null };
  return { phone: await sealed(context, 'ProfileUpdated.phone', wanted.stored), phoneClaim: wanted.claimId };
}

/** Claims the wanted phone number, unless the user has it, or the command will be refused or has been handled. */
async function claimNewPhone(context: CommandContext, wanted: Wanted | null, known: Known): Promise<Claim | undefined> {
  const id = context.actor.id;
  if (wanted === null || wanted.claimId === known.user.phoneClaim || isDoomed(context, known.revision))
    return undefined;
  if (await wasHandled(context.services, streamOf(userDecider.category, id), context.origin)) return undefined;
  return claimPhone(context, wanted, id);
}

/** Releases the phone number from before this command. `turn`: that of its claim before the command was handled. */
async function releaseFormerPhone(
  context: CommandContext,
  { former, turn }: { readonly former: string | null; readonly turn: number },
  handled: Handled<UserState>,
): Promise<void> {
  const holder = context.actor.id;
  if (!handled.repeated) {
    if (former !== null) await releaseTurn(context, { claimId: former, holder, turn });
    return;
  }
  const before = await stateBefore(context.services, userDecider, holder, handled);
  if (before.status !== 'active' || before.phoneClaim === null) return;
  await releaseUnused(context, { claimId: before.phoneClaim, holder }, PEOPLE);
}

interface Known {
  readonly user: ActiveUser;
  readonly revision: bigint;
}

/** Changes the profile at the claims that the user has now. */
async function changeProfile(
  context: CommandContext,
  data: ProfileUpdated['data'],
  wanted: Wanted | null | undefined,
): Promise<Outcome & Handled<UserState>> {
  const id = context.actor.id;
  const { state, revision } = await context.load(userDecider, id);
  const user = active(state);
  const change = (claimEpoch: object) => {
    const intent = { type: 'UpdateProfile', data: { ...data, ...claimEpoch } } as const;
    return context.handle(userDecider, id, intent, { pinned: true });
  };
  if (wanted === undefined) return change({});
  const former = wanted?.claimId === user.phoneClaim ? null : user.phoneClaim;
  const turn = former === null ? 0 : await turnOf(context, former);
  const claimed = await claimNewPhone(context, wanted, { user, revision });
  const epoch = claimed === undefined && wanted !== null ? {} : { claimEpoch: user.claimEpoch };
  const handled = await using(context, claimed, () => change(epoch));
  await releaseFormerPhone(context, { former, turn }, handled);
  return handled;
}

const updateProfile = defineChange({
  name: 'UpdateProfile',
  summary: 'Change my name, phone or address',
  tag: 'users',
  route: 'PUT /users/me',
  aliases: ['PUT /users/profile', 'PUT /protected/profile'],
  access: 'user',
  body: Fields({
    ...NameFields,
    phone: Type.Optional(Nullable(UserPhone)),
    address: Type.Optional(Nullable(Address)),
  }),
  result: UserView,
  answers: userAnswers,
  codes: ['CONFLICT', 'NOT_FOUND'],
  check: checkRenamed,
  async run({ body: { phone, address, ...forms } }, context) {
    const user = await activeUser(context, context.actor.id);
    const name = givenName(forms);
    const wanted = typeof phone === 'string' ? await wantedPhone(context, user, phone) : phone;
    const data = {
      ...(name === undefined ? {} : { name: await sealed(context, 'ProfileUpdated.name', name) }),
      ...(await changeOfPhone(context, wanted)),
      ...(address === undefined ? {} : { address: await sealedIfAny(context, 'ProfileUpdated.address', address) }),
    };
    return onCurrentClaims(() => changeProfile(context, data, wanted));
  },
});

const changePassword = defineCommand({
  name: 'ChangePassword',
  summary: 'Change my password; ends every other session',
  tag: 'users',
  route: 'PUT /users/me/password',
  access: 'user',
  limit: 'login',
  security: 'change of password',
  body: Fields({ current_password: Password, new_password: NewPassword }),
  result: Message,
  revised: 'always',
  codes: ['NOT_FOUND'],
  revokes: true,
  check: ({ new_password: password }, { passwords }) => {
    if (typeof password === 'string') passwords.check(password, 'new_password');
  },
  async run({ body }, context) {
    const { personalData, passwords } = context.services;
    const user = await activeUser(context, context.actor.id);
    const { passwordHash: known, email, name } = await personalData.reveal(user, sealedInUser(context.actor.id));
    const right = await passwords.verify(body.current_password, known);
    if (!right && !(await wasHandled(context.services, streamOf('user', context.actor.id), context.origin))) {
      unauthenticated('WrongCredentials', 'The current password is wrong.');
    }
    passwords.check(body.new_password, 'new_password', [email, name]);
    const passwordHash = await sealed(context, 'PasswordChanged.passwordHash', await passwords.hash(body.new_password));
    const data = { passwordHash, keptSession: context.actor.sessionId ?? null };
    const { revision } = await context.handle(userDecider, context.actor.id, { type: 'ChangePassword', data });
    return { data: { message: 'password changed' }, revision };
  },
});

export const userCommands = [updateProfile, changePassword];
