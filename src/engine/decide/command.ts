import type { Static, TObject, TSchema } from 'typebox';
import type { Command, Decider } from './decider.ts';
import { type DomainEvent, type RecordedEvent, streamOf } from '../../eventstore/eventStore.ts';
import { derivedId } from '../../platform/ids.ts';
import { type SpanDetails, traced } from '../../platform/trace.ts';
import type { Projection } from '../project/projection.ts';
import { toRecorded } from './batch.ts';
import type { Handled, Loaded, Services } from './services.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Route = `${Method} /${string}`;

/** The types that a domain gives the engine. Its contracts use them. */
export interface Domain {
  /** The services that its commands may use. */
  readonly services: Services;
  /** The roles of its callers. */
  readonly role: string;
  /** The rate limits that its routes may name. */
  readonly limit: string;
}

/** The callers that a route admits: `anyone` needs no token, `user` needs any token, a list needs one of these roles. */
export type Access<Role extends string = string> = 'anyone' | 'user' | readonly Role[];

/** The caller, as its token says. `sessionId` is the session that the token belongs to. */
export interface Actor {
  readonly id: string;
  /** One of the domain's roles, or `system`, or `anonymous`. */
  readonly role: string;
  readonly sessionId?: string;
}

export const SYSTEM = (handler: string): Actor => ({ id: `system:${handler}`, role: 'system' });
export const ANONYMOUS: Actor = { id: 'anonymous', role: 'anonymous' };

/** The answer that a command's caller gets. `revision` becomes the ETag. The context tracks the position of the last event. */
export interface Answer {
  readonly data: unknown;
  readonly revision?: bigint;
}

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

/** The row that a command answers with, and the function that makes the answer from it. */
export interface Answers<R extends object, S extends Services> {
  readonly row: Projection<R>;
  /** Categories of the other streams that feed the row. Such a row is read from all its streams each time. */
  readonly also?: readonly string[];
  view(row: R, context: CommandContext<S>): unknown;
}

type ParamsOf<P extends TObject | undefined> = P extends TObject ? Static<P> : Record<string, never>;

/**
 * One command as data: route, roles, schemas, and `run`, which looks up the facts that the caller must not choose and
 * handles the command. Validation, role check, OpenAPI and the router derive from it.
 */
export interface CommandContract<D extends Domain = Domain> {
  readonly name: string;
  readonly summary: string;
  readonly tag: string;
  readonly route: Route;
  /** Other routes with the same answer. */
  readonly aliases?: readonly Route[];
  readonly access: Access<D['role']>;
  /** The rate limit that calls count against. Default: `public` without a token, `auth` with one. */
  readonly limit?: D['limit'];
  readonly params?: TObject;
  readonly body?: TObject;
  readonly status?: 200 | 201;
  readonly result: TSchema;
  /** Public error codes for OpenAPI, in addition to those that every route may answer. */
  readonly codes?: readonly string[];
  /** The projection and view that make the answer, unless `run` makes it itself. */
  readonly answers?: Answers<object, D['services']>;
  /** The command may end sessions; its answer waits until this process refuses their tokens. */
  readonly revokes?: true;
  /** Field rules that a schema cannot express; throws an `invalid` refusal. Fields may be absent or of any type. */
  check?(body: Readonly<Record<string, unknown>>, services: D['services']): void;
  run(
    input: CommandInput<TObject | undefined, TObject | undefined>,
    context: CommandContext<D['services']>,
  ): Promise<Answer>;
}

export interface CommandInput<P extends TObject | undefined, B extends TObject | undefined> {
  readonly params: ParamsOf<P>;
  readonly body: ParamsOf<B>;
}

/** Returns the function that declares a domain's commands. The schemas of `params` and `body` type the input of `run`. */
export const commandsOf =
  <D extends Domain>() =>
  <P extends TObject | undefined = undefined, B extends TObject | undefined = undefined>(
    contract: Omit<CommandContract<D>, 'params' | 'body' | 'run'> & {
      readonly params?: P;
      readonly body?: B;
      run(input: CommandInput<P, B>, context: CommandContext<D['services']>): Promise<Answer>;
    },
  ): CommandContract<D> =>
    contract as unknown as CommandContract<D>;

export interface StepOptions {
  /**
   * The step's name; its command id is derived from the command's id and this name. Without a name the step has the command's own
   * id. A name, and the own id, serve one step only: the log takes a second one for a repeat of the first.
   */
  readonly step?: string;
  /** Refuses the command unless the stream is at the revision of the caller's `If-Match`. */
  readonly pinned?: boolean;
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
  /** Revision of `If-Match`. */
  readonly ifMatch?: bigint;
}

const OWN_ID = 'a step without a name';

/** Gives one command or reaction access to the log. Remembers the highest position that its answer depends on. */
export class CommandContext<S extends Services = Services> {
  readonly origin: Origin;
  readonly services: S;
  #position = 0n;
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
    const { traceparent: parent } = this.origin;
    const span = (): SpanDetails => ({
      ...{ kind: 'internal', name: `command ${intent.type}`, parent },
      attributes: { 'cartulary.command.type': intent.type, 'cartulary.category': decider.category },
    });
    return this.#once(`${intent.type} on ${decider.category}`, options.step ?? OWN_ID, () =>
      traced(span, (traceparent) => this.#handle(decider, id, intent, { ...options, traceparent }), parent),
    );
  }

  async #once<T>(what: string, step: string, work: () => Promise<T>): Promise<T> {
    if (this.#steps.has(step)) {
      throw new Error(`${what}: this command has handled ${step} already; give each of its steps a name of its own`);
    }
    this.#steps.add(step);
    try {
      return await work();
    } catch (error) {
      this.#steps.delete(step);
      throw error;
    }
  }

  async #handle<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    intent: C extends Command ? Pick<C, 'type' | 'data'> : never,
    { traceparent, ...options }: StepOptions & { readonly traceparent: string | undefined },
  ): Promise<Done<State, E>> {
    const { repeatable, actor, now, correlationId, causationId, ifMatch } = this.origin;
    const command = {
      type: intent.type,
      data: intent.data,
      id: options.step === undefined ? this.origin.id : this.derive(options.step),
      actor: actor.id,
      now,
      correlationId,
      ...(causationId === undefined ? {} : { causationId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    } as unknown as C;
    const handled = await this.services.aggregates.handle(decider, id, command, {
      repeatable,
      ...(options.pinned === true && ifMatch !== undefined ? { expected: ifMatch } : {}),
    });
    this.answersFrom(handled.position);
    const stream = streamOf(decider.category, id);
    return {
      ...handled,
      stream,
      appended: () => (handled.repeated ? [] : toRecorded(stream, command, handled, decider.upcasters)),
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
