import { claimDecider } from '../aggregates/claim.ts';
import { userDecider } from '../aggregates/user.ts';
import { isRefusal, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { DomainEvent } from '../eventstore/eventStore.ts';
import type { CommandContext } from './contract.ts';

/** How long a claim waits for its holder to be created, ms. After that, another holder may take it over. */
const CLAIM_DEADLINE_MS = 60_000;

export interface Wish {
  readonly claimId: string;
  readonly holder: string;
  readonly step: string;
}

/** The aggregates that hold a kind of claim, and the command that prevents one that does not exist yet from being created. */
export interface Holders<State extends { readonly status: string }, C extends Command, E extends DomainEvent> {
  readonly decider: Decider<State, C, E>;
  readonly abandon: C extends Command ? Pick<C, 'type' | 'data'> : never;
}

/**
 * Claims a unique value and returns whether the holder has it now. The claim of a holder that no longer exists, or that can
 * never be created, is taken over.
 */
export async function obtain<State extends { readonly status: string }, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  wish: Wish,
  holders: Holders<State, C, E>,
): Promise<boolean> {
  if (await attempt(context, wish)) return true;
  const { holder, at } = (await context.load(claimDecider, wish.claimId)).state;
  if (holder === null) return false;
  return (await isGone(context, { holder, at: at ?? context.now }, holders)) && attempt(context, wish, holder);
}

/** Whether the holder no longer exists or can never be created. An overdue holder is fenced on its own stream first. */
async function isGone<State extends { readonly status: string }, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  { holder, at }: { readonly holder: string; readonly at: string },
  { decider, abandon }: Holders<State, C, E>,
): Promise<boolean> {
  const { state } = await context.load(decider, holder);
  if (state.status !== 'none') return state.status !== 'active';
  if (Date.parse(context.now) - Date.parse(at) < CLAIM_DEADLINE_MS) return false;
  const fenced = await context.handle(decider, holder, abandon, { step: `abandon ${holder}`, provisional: true });
  return fenced.state.status === 'abandoned';
}

async function attempt(context: CommandContext, { claimId, holder, step }: Wish, abandoned?: string): Promise<boolean> {
  const data = { holder, ...(abandoned === undefined ? {} : { abandoned }) };
  const own = abandoned === undefined ? step : `${step} from ${abandoned}`;
  try {
    await context.handle(claimDecider, claimId, { type: 'ClaimValue', data }, { step: own, provisional: true });
    return true;
  } catch (error) {
    if (isRefusal(error) && error.rule === 'ValueTaken') return false;
    throw error;
  }
}

/** Whether `If-Match` will refuse the command. Such a command must make no claim, because a claim outlives the refusal. */
export const isDoomed = ({ origin: { ifMatch } }: CommandContext, revision: bigint): boolean =>
  ifMatch !== undefined && ifMatch < revision;

const PEOPLE = { decider: userDecider, abandon: { type: 'AbandonRegistration', data: {} } } as const;

/** Claims a unique value for a person, or refuses with the field's name. */
export async function claim(context: CommandContext, field: string, claimId: string, holder: string): Promise<void> {
  const wish = { claimId, holder, step: `claim ${field}` };
  if (await obtain(context, wish, PEOPLE)) return;
  const message = `This ${field} is already taken.`;
  reject('ValueTaken', message, { errors: [{ code: 'CONFLICT', field, message }] });
}

export async function release(context: CommandContext, field: string, claimId: string, holder: string): Promise<void> {
  const intent = { type: 'ReleaseClaim', data: { holder } } as const;
  await context.handle(claimDecider, claimId, intent, { step: `release ${field}`, provisional: true });
}
