import { claimDecider, type ClaimState } from '../aggregates/claim.ts';
import { isOutcomeUnknown, isRefusal, unavailable } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { DomainEvent } from '../eventstore/eventStore.ts';
import type { CommandContext } from './contract.ts';

/** How long a claim waits for its holder to use the value, ms. After that, another holder may take it over. */
const CLAIM_DEADLINE_MS = 60_000;
/** Attempts to claim one value, at most: each one that fails has found the claim or its holder changed. */
const CLAIM_ATTEMPTS_MAX = 8;
/** Runs of one command, at most: each one that fails has found the claims of its holder changed. */
const CHANGE_ATTEMPTS_MAX = 8;

/** `claimEpoch` changes whenever the holder's claims do. Only a holder that uses a value, or can come to use one, has it. */
interface HolderState {
  readonly status: string;
  readonly claimEpoch?: number;
}

/** The aggregates that hold a kind of claim. */
export interface Holders<State extends HolderState, C extends Command, E extends DomainEvent> {
  readonly decider: Decider<State, C, E>;
  /** Whether the holder's own state says that it uses the value. */
  uses(context: CommandContext, holder: { id: string; state: State }, claimId: string): boolean | Promise<boolean>;
  /**
   * The command that prevents this holder from using the value by a claim from before. It makes an event, or nothing when the
   * holder's state has changed.
   */
  fence(state: State, claimId: string): C extends Command ? Pick<C, 'type' | 'data'> : never;
}

export interface Wish {
  readonly claimId: string;
  readonly holder: string;
  readonly step: string;
}

/** A claim that its holder may use now. */
export interface Claim extends Wish {
  readonly turn: number;
  /** The holder did not have it before. */
  readonly isNew: boolean;
}

/**
 * Claims a unique value, or returns undefined when it is taken. A claim counts only while the stream of its holder says that
 * the holder uses the value. A claim that was not used by its deadline is taken over, after the holder was fenced on its own
 * stream. The caller must have loaded its own `claimEpoch` before, and use the value at that epoch only.
 */
export async function obtain<State extends HolderState, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  wish: Wish,
  holders: Holders<State, C, E>,
): Promise<Claim | undefined> {
  for (let attempts = 1; attempts <= CLAIM_ATTEMPTS_MAX; attempts += 1) {
    const { state } = await context.load(claimDecider, wish.claimId);
    const { holder, turn } = state;
    if (holder !== null && holder !== wish.holder) {
      const found = await examine(context, { ...state, holder, claimId: wish.claimId }, holders);
      if (found === 'taken') return undefined;
      if (found === 'changed') continue;
    }
    if (await attempt(context, wish, state)) return { ...wish, turn: turn + 1, isNew: holder !== wish.holder };
  }
  throw unavailable('StreamBusy', 'Other requests keep claiming this value; try again.');
}

/** Whether another holder may have the value. `changed`: the holder's state has changed, so nothing is known. */
async function examine<State extends HolderState, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  { claimId, holder, at, turn }: ClaimState & { readonly claimId: string; readonly holder: string },
  holders: Holders<State, C, E>,
): Promise<'taken' | 'free' | 'changed'> {
  const { state } = await context.load(holders.decider, holder);
  if (await holders.uses(context, { id: holder, state }, claimId)) return 'taken';
  if (isGone(state)) return 'free';
  if (at !== null && Date.parse(context.now) - Date.parse(at) < CLAIM_DEADLINE_MS) return 'taken';
  return (await fence(context, { claimId, holder, turn }, { holders, state })) ? 'free' : 'changed';
}

/** Whether the holder can never use the value again. */
const isGone = ({ status, claimEpoch }: HolderState): boolean => status !== 'none' && claimEpoch === undefined;

/** Prevents the holder from using the value by this turn of its claim. False when the holder's state has changed. */
async function fence<State extends HolderState, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  { claimId, holder, turn }: Pick<Claim, 'claimId' | 'holder' | 'turn'>,
  { holders, state }: { readonly holders: Holders<State, C, E>; readonly state: State },
): Promise<boolean> {
  const step = `abandon ${claimId} of ${holder} at ${turn}.${state.claimEpoch ?? 0}`;
  const intent = holders.fence(state, claimId);
  const { events } = await context.handle(holders.decider, holder, intent, { step, provisional: true });
  return events.length > 0;
}

/** Claims the next turn of the value. False when that turn was claimed already, also by an earlier run of this command. */
async function attempt(
  context: CommandContext,
  { claimId, holder, step }: Wish,
  found: Pick<ClaimState, 'holder' | 'turn'>,
): Promise<boolean> {
  const abandoned = found.holder === null || found.holder === holder ? {} : { abandoned: found.holder };
  const intent = { type: 'ClaimValue', data: { holder, turn: found.turn, ...abandoned } } as const;
  try {
    const options = { step: `${step} after ${found.turn}`, provisional: true };
    return !(await context.handle(claimDecider, claimId, intent, options)).repeated;
  } catch (error) {
    if (isRefusal(error) && error.rule === 'ValueTaken') return false;
    throw error;
  }
}

/** Runs what uses the claim. When that is refused, a claim that is new is released at once. */
export async function using<T>(context: CommandContext, claim: Claim | undefined, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const undone = isRefusal(error) && !isOutcomeUnknown(error) && context.effect === undefined;
    // When the release fails too, the claim ends at its deadline.
    if (undone && claim?.isNew === true) await releaseTurn(context, claim).catch(() => undefined);
    throw error;
  }
}

/** Releases a claim that its holder no longer uses. Nothing happens when it was claimed again since `turn`. */
export async function releaseTurn(
  context: CommandContext,
  { claimId, holder, turn }: Pick<Claim, 'claimId' | 'holder' | 'turn'>,
): Promise<void> {
  const intent = { type: 'ReleaseClaim', data: { holder, turn } } as const;
  await context.handle(claimDecider, claimId, intent, { step: `release ${claimId} at ${turn}`, provisional: true });
}

export const turnOf = async (context: CommandContext, claimId: string): Promise<number> =>
  (await context.load(claimDecider, claimId)).state.turn;

/** Releases a claim that its holder has ceased to use at an unknown time, unless the holder uses it again. */
export async function releaseUnused<State extends HolderState, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  { claimId, holder }: Pick<Claim, 'claimId' | 'holder'>,
  holders: Holders<State, C, E>,
): Promise<void> {
  const { state: claim } = await context.load(claimDecider, claimId);
  if (claim.holder !== holder) return;
  const { state } = await context.load(holders.decider, holder);
  if (await holders.uses(context, { id: holder, state }, claimId)) return;
  const own = { claimId, holder, turn: claim.turn };
  if (isGone(state) || (await fence(context, own, { holders, state }))) await releaseTurn(context, own);
}

/** The holder that uses the value, with its state; undefined when nothing does. */
export async function holderOf<State extends HolderState, C extends Command, E extends DomainEvent>(
  context: CommandContext,
  claimId: string,
  holders: Holders<State, C, E>,
): Promise<{ readonly id: string; readonly state: State; readonly revision: bigint } | undefined> {
  const { holder } = (await context.load(claimDecider, claimId)).state;
  if (holder === null) return undefined;
  const { state, revision } = await context.load(holders.decider, holder);
  return (await holders.uses(context, { id: holder, state }, claimId)) ? { id: holder, state, revision } : undefined;
}

/** Runs a change again that has found the claims of its holder changed meanwhile. */
export async function onCurrentClaims<T>(change: () => Promise<T>): Promise<T> {
  for (let attempts = 1; attempts <= CHANGE_ATTEMPTS_MAX; attempts += 1) {
    try {
      return await change();
    } catch (error) {
      if (!isRefusal(error) || error.rule !== 'ClaimOutdated') throw error;
    }
  }
  throw unavailable('StreamBusy', 'Other requests keep changing this resource; try again.');
}

/** Whether `If-Match` refuses the command, unless it is a repeat. Such a command must make no claim. */
export const isDoomed = ({ origin: { ifMatch } }: CommandContext, revision: bigint): boolean =>
  ifMatch !== undefined && ifMatch !== revision;
