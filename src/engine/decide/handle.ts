import type { Command, Decider } from './decider.ts';
import { type DomainEvent, type EventStore, streamOf } from '../../eventstore/eventStore.ts';
import { isRefusal, unavailable } from '../../errors.ts';
import type { Aggregates, Handled, HandleOptions, Loaded } from './services.ts';
import { createCrowds, type Crowds, type Races } from './crowd.ts';
import { decideTogether, type Decision, idUsedBy, type Question } from './batch.ts';
import { findRepeats, type Repeat } from './repeats.ts';
import { type AnyDecider, createFolds, type Folded, type Folds, type FoldsOptions } from './folds.ts';

/** Commands for one stream that are decided and appended together, at most. */
const BATCH_COMMANDS_MAX = 64;
/** Commands that may wait for their turn on one stream, at most. Further ones are refused (`unavailable`). */
const STREAM_WAITING_MAX = 10_000;

interface Job extends Question {
  readonly decider: AnyDecider;
  /** An append has reported that events of the batch are in the log already, so this command is looked up first. */
  known: boolean;
  resolve(handled: Handled<unknown>): void;
  reject(error: unknown): void;
}

interface Context {
  readonly store: EventStore;
  readonly folds: Folds;
  readonly crowds: Crowds;
}

export interface AggregatesOptions extends FoldsOptions {
  /** How long a batch of commands tries to win a race with other processes, ms. */
  readonly crowdWaitMs?: number | undefined;
  /** The rule for races with other processes; the usual one unless given. */
  readonly crowds?: Crowds | undefined;
}

/**
 * Load, decide, append. Commands for one stream take turns in this process and are decided and appended in batches, so
 * only another process can cause a conflict. A refusal, or an outcome without events, is answered only when it was
 * decided on the newest state, or when no newer state could change it.
 */
export function createAggregates(options: AggregatesOptions): Aggregates {
  const { store, crowdWaitMs, crowds = createCrowds(crowdWaitMs) } = options;
  const context: Context = { store, folds: createFolds(options), crowds };
  const lanes = new Map<string, Job[]>();

  async function drain(stream: string, lane: Job[]): Promise<void> {
    while (lane.length > 0) {
      const jobs = nextJobs(lane);
      const began = performance.now();
      lane.unshift(...(await settle(context, stream, jobs)));
      const yielding = context.crowds.leave(stream, performance.now() - began);
      if (yielding !== undefined) await yielding;
    }
    lanes.delete(stream);
  }

  function enlist(stream: string, job: Job): void {
    const lane = lanes.get(stream);
    if (lane === undefined) {
      const own = [job];
      lanes.set(stream, own);
      void drain(stream, own);
    } else if (lane.length < STREAM_WAITING_MAX) lane.push(job);
    else job.reject(unavailable('StreamBusy', 'Too many commands are waiting for this resource; try again.'));
  }

  return {
    handle<State, C extends Command, E extends DomainEvent>(
      decider: Decider<State, C, E>,
      id: string,
      command: C,
      handleOptions: HandleOptions = {},
    ): Promise<Handled<State, E>> {
      return new Promise((resolve, reject) => {
        enlist(streamOf(decider.category, id), {
          decider,
          command,
          options: handleOptions,
          known: false,
          resolve: resolve as (handled: Handled<unknown>) => void,
          reject,
        });
      });
    },

    async load<State, C extends Command, E extends DomainEvent>(
      decider: Decider<State, C, E>,
      id: string,
      how: 'fresh' | 'cached' = 'fresh',
    ): Promise<Loaded<State>> {
      const { folds } = context;
      const any = decider as unknown as AnyDecider;
      const stream = streamOf(decider.category, id);
      const known = folds.cached(any, stream);
      const folded =
        known === undefined
          ? await folds.load(any, stream)
          : how === 'cached'
            ? known
            : await folds.refresh(stream, known);
      const { state, revision, position } = folded;
      return { state: state as State, revision, position };
    },

    async stateAt<State, C extends Command, E extends DomainEvent>(
      decider: Decider<State, C, E>,
      id: string,
      revision: bigint,
    ): Promise<State> {
      const any = decider as unknown as AnyDecider;
      return (await context.folds.stateAt(any, streamOf(decider.category, id), revision)) as State;
    },
  };
}

/** Takes the next jobs to decide together. Jobs with different deciders are never decided together. */
function nextJobs(lane: Job[]): Job[] {
  const other = lane.findIndex(({ decider }) => decider !== lane[0]!.decider);
  return lane.splice(0, Math.min(other < 0 ? lane.length : other, BATCH_COMMANDS_MAX));
}

/** Answers the jobs, except those that it returns: they did not fit into the append. Never rejects. */
async function settle(context: Context, stream: string, jobs: readonly Job[]): Promise<readonly Job[]> {
  try {
    return await attempt(context, stream, jobs);
  } catch (error) {
    const passing = isRefusal(error) && error.kind === 'unavailable';
    if (passing || jobs.length === 1) for (const job of jobs) job.reject(error);
    else for (const job of jobs) await settle(context, stream, [job]);
    return [];
  }
}

async function attempt(context: Context, stream: string, jobs: readonly Job[]): Promise<readonly Job[]> {
  const { store, folds, crowds } = context;
  const { decider } = jobs[0]!;
  let races: Races | undefined;
  const cached = folds.cached(decider, stream);
  let folded = cached ?? (await folds.load(decider, stream));
  let fresh = cached === undefined;
  for (;;) {
    const asked = jobs.filter(({ options, known }) => known || options.repeatable === true);
    const open = asked.length === 0 ? jobs : await answerRepeats(context, stream, { folded, jobs, asked });
    const decision = decideTogether(folded, open);
    if (decision.events.length === 0) {
      const newer = fresh || isFinal(decision) ? folded : await folds.refresh(stream, folded);
      if (newer === folded) return conclude(decision, folded.position);
      folded = newer;
    } else {
      const result = await store.append(stream, folded.revision, decision.events);
      if (result.outcome === 'appended' && !result.repeated) {
        const { position } = result;
        folds.advance(stream, folded, { ...decision, position });
        return conclude(decision, position);
      }
      // A repeated append was sent twice after a lost connection, or another process made it: look the commands up.
      open.forEach((job) => (job.known ||= result.outcome === 'appended'));
      races ??= crowds.enter(stream);
      if (!(await races.lost()))
        throw unavailable('StreamBusy', 'Other requests keep changing this resource; try again.');
      folded = await reload(context, stream, folded);
    }
    fresh = true;
  }
}

/** After a lost race: the fold with the newer events. If the log returns none, drops the fold and loads it again. */
async function reload({ folds }: Context, stream: string, folded: Folded): Promise<Folded> {
  const newer = await folds.refresh(stream, folded);
  if (newer !== folded) return newer;
  folds.forget(stream);
  return folds.load(folded.decider, stream);
}

/** Answers the `asked` jobs that were handled before, and returns all other jobs. */
async function answerRepeats(
  context: Context,
  stream: string,
  { folded, jobs, asked }: { folded: Folded; jobs: readonly Job[]; asked: readonly Job[] },
): Promise<Job[]> {
  const ids = [...new Set(asked.map(({ command }) => command.id))];
  const repeats = await findRepeats(context, stream, folded, ids);
  const repeatOf = (job: Job): Repeat | undefined => (asked.includes(job) ? repeats.get(job.command.id) : undefined);
  for (const job of asked) {
    const repeat = repeatOf(job);
    if (repeat === undefined) continue;
    const { handled, type } = repeat;
    // An id generated for this one call is found only when our own append was sent twice. That is no repeat for the caller.
    if (type === job.command.type) job.resolve({ ...handled, repeated: job.options.repeatable === true });
    else job.reject(idUsedBy(job.command, type));
  }
  return jobs.filter((job) => repeatOf(job) === undefined);
}

/** Whether no newer state could change the decision. */
const isFinal = ({ verdicts }: Decision<Job>): boolean =>
  verdicts.every((verdict) => verdict.kind === 'threw' && verdict.final);

/** Answers every job with a verdict. `position` is that of the stream's last event. Returns the jobs that are left. */
function conclude(decision: Decision<Job>, position: bigint): readonly Job[] {
  for (const verdict of decision.verdicts) {
    const { question: job } = verdict;
    if (verdict.kind === 'threw') {
      job.reject(verdict.error);
      continue;
    }
    const { state, revision, events, repeated } = verdict;
    job.resolve({ state, revision, position, events, repeated });
  }
  return decision.left;
}
