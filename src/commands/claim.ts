import { claimDecider } from '../aggregates/claim.ts';
import { userDecider } from '../aggregates/user.ts';
import { isRefusal, reject } from '../errors.ts';
import type { CommandContext } from './contract.ts';

/** After this long something that claimed a value and has not come to be may be overtaken. */
export const CLAIM_DEADLINE_MS = 60_000;

export interface Wish {
  readonly claimId: string;
  readonly holder: string;
  readonly step: string;
}

/**
 * Claims a unique value, and says whether it is the holder's now. A claim whose holder will never be (any more) is taken
 * over: `isGone` is asked, and makes certain of it on that holder's own stream.
 */
export async function obtain(
  context: CommandContext,
  wish: Wish,
  isGone: (holder: string, claimedAt: string) => Promise<boolean>,
): Promise<boolean> {
  if (await attempt(context, wish)) return true;
  const { holder, at } = (await context.load(claimDecider, wish.claimId)).state;
  if (holder === null) return false;
  return (await isGone(holder, at ?? context.now)) && attempt(context, wish, holder);
}

async function attempt(context: CommandContext, { claimId, holder, step }: Wish, abandoned?: string): Promise<boolean> {
  const data = { holder, ...(abandoned === undefined ? {} : { abandoned }) };
  const own = abandoned === undefined ? step : `${step} from ${abandoned}`;
  try {
    await context.handle(claimDecider, claimId, { type: 'ClaimValue', data }, { step: own });
    return true;
  } catch (error) {
    if (isRefusal(error) && error.rule === 'ValueTaken') return false;
    throw error;
  }
}

/** Something claimed this long ago should have come to be. */
export const isOverdue = (context: CommandContext, claimedAt: string): boolean =>
  Date.parse(context.now) - Date.parse(claimedAt) >= CLAIM_DEADLINE_MS;

/** A claim outlives a refusal, so none is made for a command that `If-Match` has already doomed. */
export const isDoomed = ({ origin: { ifMatch } }: CommandContext, revision: bigint): boolean =>
  ifMatch !== undefined && ifMatch < revision;

/** Claims a unique value for a person, or refuses with the field's name. */
export async function claim(context: CommandContext, field: string, claimId: string, holder: string): Promise<void> {
  const wish = { claimId, holder, step: `claim ${field}` };
  if (await obtain(context, wish, (other, at) => isAbandoned(context, other, at))) return;
  const message = `This ${field} is already taken.`;
  reject('ValueTaken', message, { errors: [{ code: 'CONFLICT', field, message }] });
}

async function isAbandoned(context: CommandContext, userId: string, claimedAt: string): Promise<boolean> {
  const { state } = await context.load(userDecider, userId);
  if (state.status !== 'none') return state.status === 'abandoned';
  if (!isOverdue(context, claimedAt)) return false;
  const intent = { type: 'AbandonRegistration', data: {} } as const;
  const fenced = await context.handle(userDecider, userId, intent, { step: `abandon ${userId}` });
  return fenced.state.status === 'abandoned';
}

export async function release(context: CommandContext, field: string, claimId: string, holder: string): Promise<void> {
  await context.handle(claimDecider, claimId, { type: 'ReleaseClaim', data: { holder } }, { step: `release ${field}` });
}
