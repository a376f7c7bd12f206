import { Type } from 'typebox';
import { placeOfUser, type Sealed, type SealedName } from '../aggregates/sealed.ts';
import { type ActiveUser, userDecider } from '../aggregates/user.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { missing } from '../errors.ts';
import { UserView } from '../queries/user.ts';
import { Fields, Id, Line } from '../schema.ts';
import { reinstateAdmin, takeAdmin } from './admins.ts';
import { userAnswers } from './auth.ts';
import { type CommandContext, defineChange } from './contract.ts';

const REASON_LENGTH_MAX = 500;

export const Reasoned = Fields({ reason: Type.Optional(Line(REASON_LENGTH_MAX)) });

export async function knownUser(context: CommandContext, id: string): Promise<ActiveUser> {
  const { state } = await context.load(userDecider, id);
  return state.status === 'active' ? state : missing('UserUnknown', 'There is no such user.');
}

/** A reason is about the user, so it is sealed for the user. */
export const sealedReason = async (
  { services: { personalData } }: CommandContext,
  { id, field }: { readonly id: string; readonly field: SealedName },
  reason: string | undefined,
): Promise<Sealed | null> => (reason === undefined ? null : personalData.seal(placeOfUser(id, field), reason.trim()));

const deactivate = defineChange({
  name: 'DeactivateUser',
  summary: 'Deactivate an account: its tokens and sessions end at once, and nobody can sign in to it',
  tag: 'users',
  route: 'PUT /admin/users/:id/deactivate',
  access: ['admin'],
  security: 'deactivation of an account',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Reasoned,
  result: UserView,
  answers: userAnswers,
  codes: ['CONFLICT', 'NOT_FOUND'],
  revokes: true,
  async run({ params: { id }, body: { reason } }, context) {
    const user = await knownUser(context, id);
    const data = { reason: await sealedReason(context, { id, field: 'UserDeactivated.reason' }, reason) };
    const end = (): Promise<Outcome> =>
      context.handle(userDecider, id, { type: 'DeactivateUser', data }, { pinned: true });
    return user.role === 'admin' ? takeAdmin(context, id, end) : end();
  },
});

const reactivate = defineChange({
  name: 'ReactivateUser',
  summary: 'Reactivate an account: its owner can sign in again; what was ended stays ended',
  tag: 'users',
  route: 'PUT /admin/users/:id/reactivate',
  access: ['admin'],
  security: 'reactivation of an account',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Reasoned,
  result: UserView,
  answers: userAnswers,
  codes: ['NOT_FOUND'],
  async run({ params: { id }, body: { reason } }, context) {
    await knownUser(context, id);
    const data = { reason: await sealedReason(context, { id, field: 'UserReactivated.reason' }, reason) };
    const done = await context.handle(userDecider, id, { type: 'ReactivateUser', data }, { pinned: true });
    if (done.state.status === 'active' && done.state.role === 'admin') await reinstateAdmin(context, id);
    return done;
  },
});

export const standingCommands = [deactivate, reactivate];
