import { ADMINS_ID, type AdminsCommand, adminsDecider } from '../aggregates/admins.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { isOutcomeUnknown, isRefusal } from '../errors.ts';
import type { CommandContext } from './contract.ts';

/** The admins as they are now. A step is named after their revision, because a role may be taken and given back more than once. */
async function admins(context: CommandContext) {
  const { state, revision } = await context.load(adminsDecider, ADMINS_ID);
  const handle = (intent: Pick<AdminsCommand, 'type' | 'data'>): Promise<unknown> =>
    context.handle(adminsDecider, ADMINS_ID, intent as AdminsCommand, {
      step: `${intent.type} after ${revision}`,
      provisional: true,
    });
  return { state, handle };
}

/** Says that the user no longer counts as an admin. Refused when no other admin would be left, however many are asked at once. */
async function retire(context: CommandContext, userId: string): Promise<void> {
  const { state, handle } = await admins(context);
  const others = await context.services.hints.adminsBeside([userId, ...Object.keys(state.retired)]);
  await handle({ type: 'RetireAdmin', data: { userId, others } });
}

/** Says that the user counts as an admin again. */
export async function reinstateAdmin(context: CommandContext, userId: string): Promise<void> {
  const { handle } = await admins(context);
  await handle({ type: 'ReinstateAdmin', data: { userId } });
}

/** Takes an admin away by `take`: first the user no longer counts as one. When that is refused in the end, the user counts again. */
export async function takeAdmin(
  context: CommandContext,
  userId: string,
  take: () => Promise<Outcome>,
): Promise<Outcome> {
  await retire(context, userId);
  try {
    return await take();
  } catch (error) {
    if (isRefusal(error) && !isOutcomeUnknown(error)) await reinstateAdmin(context, userId);
    throw error;
  }
}
