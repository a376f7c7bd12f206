import { setTimeout as pause } from 'node:timers/promises';
import { isOutcomeUnknown, isRefusal } from '../../errors.ts';
import { type Backoff, delayAfter } from '../../platform/backoff.ts';
import { CommandContext, type Effect, type Origin } from './context.ts';
import type { Services } from './services.ts';

/** Runs of one command, at most, while its effect stands and its answer cannot be made. */
const RUNS_MAX = 4;
/** No further run begins later than this after the first failure, ms. */
const RESUME_WITHIN_MS = 2_000;
const RESUME: Backoff = { delayMs: 50, delayMaxMs: 500 };

export interface CommandRun<T, S extends Services> {
  readonly origin: Origin;
  readonly services: S;
  /** False when a second run under the same id could not give the first one's answer. Default: true. */
  readonly resumable?: boolean;
  /** Gets a function before each run, which tells the effect so far, also while the run goes on. */
  readonly onRun?: (effectSoFar: () => Effect | undefined) => void;
  run(context: CommandContext<S>): Promise<T>;
}

/** How a command ended. `position`: the highest position that its outcome depends on; 0 when it depends on none. */
export type Carried<T> = { readonly position: bigint } & (
  | { readonly kind: 'answered'; readonly answer: T }
  /** The effect is in the log, but the answer could not be made from it, or a step that follows failed. */
  | { readonly kind: 'recorded'; readonly effect: Effect; readonly error: unknown }
  /** Nothing was recorded, or, when the error says so, it is not known whether something was. */
  | { readonly kind: 'failed'; readonly error: unknown }
);

/**
 * Carries a command out. An error after the effect is not the command's outcome, because the effect stands: the command runs
 * again under the same id. It then finds its events in the log, finishes the steps that follow, and answers. The same run finds
 * out what became of an append whose outcome is unknown. Both end after a few runs; then the result says what is certain.
 */
export async function carryOut<T, S extends Services>(command: CommandRun<T, S>): Promise<Carried<T>> {
  const { services, resumable = true } = command;
  let { origin } = command;
  let effect: Effect | undefined;
  let position = 0n;
  let failedAt: number | undefined;
  for (let runs = 1; ; runs += 1) {
    const context = new CommandContext(origin, services);
    const before = effect;
    command.onRun?.(() => before ?? context.effect);
    try {
      return { kind: 'answered', answer: await command.run(context), position: context.position };
    } catch (error) {
      failedAt ??= performance.now();
      effect ??= context.effect;
      if (context.position > position) position = context.position;
      const unsettled = effect !== undefined || isOutcomeUnknown(error);
      if (!(unsettled && resumable && mayResume(error, runs, failedAt))) return ended(effect, error, position);
    }
    await pause(delayAfter(RESUME, runs));
    origin = { ...origin, repeatable: true };
  }
}

const mayResume = (error: unknown, runs: number, failedAt: number): boolean =>
  isRefusal(error) &&
  error.kind === 'unavailable' &&
  runs < RUNS_MAX &&
  performance.now() - failedAt < RESUME_WITHIN_MS;

const ended = <T>(effect: Effect | undefined, error: unknown, position: bigint): Carried<T> =>
  effect === undefined ? { kind: 'failed', error, position } : { kind: 'recorded', effect, error, position };
