import type { Command, Decider } from './decider.ts';
import { type DomainEvent, type RecordedEvent, streamOf } from '../../eventstore/eventStore.ts';
import { derivedId } from '../../platform/ids.ts';
import { type SpanDetails, traced } from '../../platform/trace.ts';
import { toRecorded } from './batch.ts';
import type { Handled, Loaded, Services } from './services.ts';

/** The caller, as its token says. `sessionId` is the session that the token belongs to. */
export interface Actor {
  readonly id: string;
  /** One of the domain's roles, or `system`, or `anonymous`. */
  readonly role: string;
  readonly sessionId?: string;
}

export const SYSTEM = (handler: string): Actor => ({ id: `system:${handler}`, role: 'system' });
export const ANONYMOUS: Actor = { id: 'anonymous', role: 'anonymous' };

/** A command's effect on one stream: the part that its answer is made from. */
export interface Outcome {
  readonly stream: string;
  /** Of the command's last event, or of the last event found when the command made none. */
  readonly revision: bigint;
  /** The events just appended, up to `revision`; none when the command is a repeat. */
  readonly appended: () => readonly RecordedEvent[];
  /** The row's key. Default: the id in the stream's name. */
  readonly key?: string;
}

export type Done<State, E extends DomainEvent> = Handled<State, E> & Outcome;

export interface StepOptions {
  /**
   * The step's name; its command id is derived from the command's id and this name. Without a name the step has the command's own
   * id. A name, and the own id, serve one step only: the log takes a second one for a repeat of the first.
   */
  readonly step?: string;
  /**
   * The step alone does not carry the command out: when the rest fails, it is taken back or expires. Every other step is an effect:
   * from then on the command has happened, whatever fails after it.
   */
  readonly provisional?: boolean;
  /** Refuses the command unless the stream is at the revision of the caller's `If-Match`. */
  readonly pinned?: boolean;
}

/** Where a request came from. */
export interface Client {
  readonly address: string;
  /** As the software names itself; undefined when it does not. */
  readonly agent: string | undefined;
}

export interface Origin {
  readonly id: string;
  /** The id is derived from something that can come again (an idempotency key, an event). */
  readonly repeatable: boolean;
  readonly actor: Actor;
  readonly now: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** The caller's network address and software, for a command that keeps them. */
  readonly client?: () => Client;
  /** Revision of `If-Match`. */
  readonly ifMatch?: bigint;
  /** What the ETag of `If-Match` counts beside the revision. */
  readonly ifMatchBeside?: string;
}

/** The part of a command's effect that shows that the command has happened. */
export interface Effect {
  readonly stream: string;
  /** Of the last event of the step. */
  readonly position: bigint;
}

const OWN_ID = 'a step without a name';

const usedTwice = (type: string, category: string, step: string): Error =>
  new Error(
    `${type} on ${category}: this command has handled ${step} already; give each of its steps a name of its own`,
  );

/** Gives one command or reaction access to the log. Remembers the highest position that its answer depends on. */
export class CommandContext<S extends Services = Services> {
  readonly origin: Origin;
  readonly services: S;
  #position = 0n;
  #effect: Effect | undefined;
  /** The names of the steps that are under way or handled. */
  readonly #steps = new Set<string>();

  constructor(origin: Origin, services: S) {
    this.origin = origin;
    this.services = services;
  }

  get actor(): Actor {
    return this.origin.actor;
  }
  get now(): string {
    return this.origin.now;
  }
  /** A reader that has seen the log up to here sees this command's effect. 0 when nothing was handled. */
  get position(): bigint {
    return this.#position;
  }

  /** The first step that is not provisional and is in the log; undefined while the command has not happened. */
  get effect(): Effect | undefined {
    return this.#effect;
  }

  /** For a repeated command that finds its effect by itself, without handling the step again. */
  happened(effect: Effect): void {
    this.#effect ??= effect;
    this.answersFrom(effect.position);
  }

  /** An id for something that this command creates. Repeats of the command get the same id. */
  derive(name: string): string {
    return derivedId(name, this.origin.id);
  }

  /**
   * Handles one command on one stream, in its own span. Its events carry the trace on to the work that they cause. Rejects a second
   * step with a name that was used before; a step that failed may be tried again.
   */
  handle<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    intent: C extends Command ? Pick<C, 'type' | 'data'> : never,
    options: StepOptions = {},
  ): Promise<Done<State, E>> {
    const step = options.step ?? OWN_ID;
    if (this.#steps.has(step)) return Promise.reject(usedTwice(intent.type, decider.category, step));
    this.#steps.add(step);
    const { traceparent: parent } = this.origin;
    const span = (): SpanDetails => ({
      ...{ kind: 'internal', name: `command ${intent.type}`, parent },
      attributes: { 'cartulary.command.type': intent.type, 'cartulary.category': decider.category },
    });
    return traced(
      span,
      (traceparent) => this.#handle(decider, id, this.#commandOf(intent, options, traceparent) as C, options),
      parent,
    );
  }

  async #handle<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    command: C,
    options: StepOptions,
  ): Promise<Done<State, E>> {
    const { repeatable, ifMatch } = this.origin;
    let handled: Handled<State, E>;
    try {
      const expected = options.pinned === true && ifMatch !== undefined ? { expected: ifMatch } : undefined;
      handled = await this.services.aggregates.handle(decider, id, command, { repeatable, ...expected });
    } catch (error) {
      this.#steps.delete(options.step ?? OWN_ID);
      throw error;
    }
    const { state, revision, position, events, repeated } = handled;
    this.answersFrom(position);
    const stream = streamOf(decider.category, id);
    if (options.provisional !== true && events.length > 0) this.#effect ??= { stream, position };
    const appended = (): RecordedEvent[] => (repeated ? [] : toRecorded(stream, command, handled, decider.upcasters));
    return { state, revision, position, events, repeated, stream, appended };
  }

  /** The command of one step, as the aggregates get it. */
  #commandOf({ type, data }: Pick<Command, 'type' | 'data'>, { step }: StepOptions, traceparent?: string): Command {
    const { id, actor, now, correlationId, causationId } = this.origin;
    return {
      type,
      data,
      id: step === undefined ? id : this.derive(step),
      actor: actor.id,
      now,
      correlationId,
      ...(causationId === undefined ? undefined : { causationId }),
      ...(traceparent === undefined ? undefined : { traceparent }),
    };
  }

  /** Raises `position`. For answers that depend on events found in the log. */
  answersFrom(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }

  load<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    how: 'fresh' | 'cached' = 'fresh',
  ): Promise<Loaded<State>> {
    return this.services.aggregates.load(decider, id, how);
  }
}
