import type { Subscription } from '../bus/bus.ts';
import { closeTrade } from '../commands/erasure.ts';
import type { CommandContext, Services } from '../commands/contract.ts';
import { removeLogoOf } from '../commands/picture.ts';
import { contextOf, type ReactionDeps } from '../engine/react/reaction.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { rest } from '../platform/backoff.ts';

export interface ErasureDeps extends ReactionDeps {
  readonly services: Services;
  /** Drops every cached answer, in every process. */
  readonly dropAnswers: () => Promise<void>;
}

/**
 * Finishes the erasure of a person. The command that recorded it has destroyed the key and purged what was kept, unless it stopped
 * in between. This does both once more when no process can hold the key any more, so that what was written meanwhile goes too.
 */
export const erasure = (deps: ErasureDeps): Subscription => ({
  name: 'erasure',
  types: ['UserErased'],
  async handle({ event, signal }) {
    const { erasures } = deps.services;
    const userId = idOf(event.stream);
    await erasures.forget(userId);
    await rest(await erasures.heldFor(userId), signal);
    signal.throwIfAborted();
    await erasures.forget(userId);
    const context = contextOf('erasure', event, deps) as CommandContext;
    await closeTrade(context, userId);
    await removeLogoOf(context, userId);
    await deps.dropAnswers();
  },
});
