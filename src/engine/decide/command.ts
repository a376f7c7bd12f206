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

/** What a domain brings to the engine; its contracts are typed by it. */
export interface Domain {
  /** What its commands may use of the outside. */
  readonly services: Services;
  /** What its callers may be. */
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

/** What a command's caller is told; `revision` becomes the ETag. The position of its last event is tracked by the context. */
export interface Answer {
  readonly data: unknown;
  readonly revision?: bigint;
}

/** A command's effect on one stream, as far as an answer is made from it. */
export interface Outcome {
  readonly stream: string;
  /** Of the command's last event, or of the last event found when the command made none. */
  readonly revision: bigint;
  /** The events just appended, up to `revision`; none when the command is a repeat. */
  readonly appended: () => readonly RecordedEvent[];
  /** The row's key, where it is not the stream's id. */
  readonly key?: string;
}

export type Done<State, E extends DomainEvent> = Handled<State, E> & Outcome;

/** The row that a command answers with, and the view of it. */
export interface Answers<R extends object, S extends Services> {
  readonly row: Projection<R>;
  /** Categories of the other streams that feed the row. Such a row is read from all its streams, each time. */
  readonly also?: readonly string[];
  view(row: R, context: CommandContext<S>): unknown;
}

type ParamsOf<P extends TObject | undefined> = P extends TObject ? Static<P> : Record<string, never>;

/**
 * One command as data: route, role, schema, and `run`, which fetches the facts the caller must not choose and handles
 * the command. Validation, role check, OpenAPI and the router derive from it.
 */
export interface CommandContract<D extends Domain = Domain> {
  readonly name: string;
  readonly summary: string;
  readonly tag: string;
  readonly route: Route;
  /** Other paths that answer the same. */
  readonly aliases?: readonly Route[];
  readonly access: Access<D['role']>;
  /** The rate limit that calls count against; unless given, `public` without a token and `auth` with one. */
  readonly limit?: D['limit'];
  readonly params?: TObject;
  readonly body?: TObject;
  readonly status?: 200 | 201;
  readonly result: TSchema;
  /** Public error codes beyond those any route may answer, for OpenAPI. */
  readonly codes?: readonly string[];
  /** The projection and the view that the answer is made with, where `run` does not make it by hand. */
  readonly answers?: Answers<object, D['services']>;
  /** The command may end sessions; its answer waits until this process refuses their tokens. */
  readonly revokes?: true;
  /** Rules about a field that no schema can say; throws an `invalid` refusal. Must bear fields of any type, or none. */
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

/** What declares the commands of a domain; the input of `run` is typed by the schemas of `params` and `body`. */
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
  /** Commands on several streams name their steps; each gets an id of its own, derived from the command's. */
  readonly step?: string;
  /** Refuse unless the stream is at the revision that the caller's `If-Match` pinned. */
  readonly pinned?: boolean;
}

export interface Origin {
  readonly id: string;
  /** The id was derived from something that can come again (idempotency key, event). */
  readonly repeatable: boolean;
  readonly actor: Actor;
  readonly now: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** Revision of `If-Match`. */
  readonly ifMatch?: bigint;
}

/** One command's (or one reaction's) dealings with the log; remembers the furthest position it answers from. */
export class CommandContext<S extends Services = Services> {
  readonly origin: Origin;
  readonly services: S;
  #position = 0n;

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
  /** Who has seen the log up to here sees what this command came to; 0 when it came to nothing. */
  get position(): bigint {
    return this.#position;
  }

  /** An id for something this command creates: the same whenever the command is repeated. */
  derive(name: string): string {
    return derivedId(name, this.origin.id);
  }

  /** One command on one stream, as a span of its own: its events carry it on to whatever follows from them. */
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
    return traced(span, (traceparent) => this.#handle(decider, id, intent, { ...options, traceparent }), parent);
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

  /** For an answer that rests on what was found in the log. */
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
