import { Type } from 'typebox';
import { placeOfUser, type Sealed, sealedInUser, type SealedName } from '../aggregates/sealed.ts';
import { userDecider, type UserState } from '../aggregates/user.ts';
import { Fields, Message, Name, Nullable, Password, Phone } from '../schema.ts';
import { unauthenticated } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { UserView } from '../queries/user.ts';
import type { Handled } from '../engine/decide/services.ts';
import { activeUser, phoneClaim, userAnswers } from './auth.ts';
import { claim, isDoomed, release } from './claim.ts';
import { type CommandContext, defineChange, defineCommand } from './contract.ts';
import { stateBefore, wasHandled } from '../engine/decide/answer.ts';

const Address = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' });

const sealed = (context: CommandContext, field: SealedName, text: string): Promise<Sealed> =>
  context.services.personalData.seal(placeOfUser(context.actor.id, field), text);
const sealedIfAny = async (context: CommandContext, field: SealedName, text: string | null): Promise<Sealed | null> =>
  text === null ? null : sealed(context, field, text);

/** Releases the phone number from before this command, unless the user has that number (again) now. */
async function releaseFormerPhone(context: CommandContext, id: string, handled: Handled<UserState>): Promise<void> {
  const former = await stateBefore(context.services, userDecider, id, handled);
  if (former.status !== 'active' || former.phoneClaim === null) return;
  const { phoneClaim: now } = await activeUser(context, id);
  if (former.phoneClaim !== now) await release(context, 'phone', former.phoneClaim, id);
}

const updateProfile = defineChange({
  name: 'UpdateProfile',
  summary: 'Change my name, phone or address',
  tag: 'users',
  route: 'PUT /users/me',
  aliases: ['PUT /users/profile'],
  access: 'user',
  body: Fields({
    name: Type.Optional(Name),
    phone: Type.Optional(Nullable(Phone)),
    address: Type.Optional(Nullable(Address)),
  }),
  result: UserView,
  answers: userAnswers,
  codes: ['CONFLICT'],
  async run({ body: { name, phone, address } }, context) {
    const userId = context.actor.id;
    const before = await activeUser(context, userId);
    const { revision: known } = await context.load(userDecider, userId, 'cached');
    const wanted = phone === undefined ? before.phoneClaim : phone === null ? null : phoneClaim(context, phone);
    const another = wanted !== null && wanted !== before.phoneClaim;
    if (another && !isDoomed(context, known)) await claim(context, 'phone', wanted, userId);
    const data = {
      ...(name === undefined ? {} : { name: await sealed(context, 'ProfileUpdated.name', name.trim()) }),
      ...(phone === undefined
        ? {}
        : { phone: await sealedIfAny(context, 'ProfileUpdated.phone', phone), phoneClaim: wanted }),
      ...(address === undefined ? {} : { address: await sealedIfAny(context, 'ProfileUpdated.address', address) }),
    };
    const intent = { type: 'UpdateProfile', data } as const;
    const handled = await context.handle(userDecider, userId, intent, { pinned: true });
    if (phone !== undefined) await releaseFormerPhone(context, userId, handled);
    return handled;
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
  body: Fields({ current_password: Password, new_password: Password }),
  result: Message,
  revokes: true,
  check: ({ new_password: password }, { passwords }) => {
    if (typeof password === 'string') passwords.check(password, 'new_password');
  },
  async run({ body }, context) {
    const { personalData, passwords } = context.services;
    const user = await activeUser(context, context.actor.id);
    const { passwordHash: known } = await personalData.reveal(user, sealedInUser(context.actor.id));
    const right = await passwords.verify(body.current_password, known);
    if (!right && !(await wasHandled(context.services, streamOf('user', context.actor.id), context.origin))) {
      unauthenticated('WrongCredentials', 'The current password is wrong.');
    }
    const passwordHash = await sealed(context, 'PasswordChanged.passwordHash', await passwords.hash(body.new_password));
    const data = { passwordHash, keptSession: context.actor.sessionId ?? null };
    const { revision } = await context.handle(userDecider, context.actor.id, { type: 'ChangePassword', data });
    return { data: { message: 'password changed' }, revision };
  },
});

export const userCommands = [updateProfile, changePassword];
