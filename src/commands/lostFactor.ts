import { userDecider } from '../aggregates/user.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { forbid } from '../errors.ts';
import { UserView } from '../queries/user.ts';
import { Fields, Id } from '../schema.ts';
import { userAnswers } from './auth.ts';
import { type CommandContext, defineChange } from './contract.ts';
import { knownUser, Reasoned, sealedReason } from './standing.ts';

/** Turns off the second factor of a person who has lost it, without a code. The operator, or an administrator, vouches for them. */
export async function endFactorOf(context: CommandContext, id: string, reason?: string): Promise<Outcome> {
  await knownUser(context, id);
  const sealed = await sealedReason(context, { id, field: 'SecondFactorDisabled.reason' }, reason);
  const data = { keptSession: null, ...(sealed === null ? {} : { reason: sealed }) };
  const intent = { type: 'DisableSecondFactor', data } as const;
  return context.handle(userDecider, id, intent, { pinned: true });
}

const endLost = defineChange({
  name: 'DisableSecondFactorOf',
  summary: 'Turn off the lost second factor of an account; ends all their sessions and mailed links',
  tag: 'users',
  route: 'PUT /admin/users/:id/second-factor/disable',
  access: ['admin'],
  security: 'second factor off by an admin',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Reasoned,
  result: UserView,
  answers: userAnswers,
  codes: ['NOT_FOUND'],
  revokes: true,
  run({ params: { id }, body: { reason } }, context) {
    // An access token alone may be stolen: it must not open its own account.
    if (id === context.actor.id) forbid('OwnFactor', 'Turn off your own second factor with your password and a code.');
    return endFactorOf(context, id, reason);
  },
});

export const lostFactorCommands = [endLost];
