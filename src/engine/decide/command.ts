import type { Static, TObject, TSchema } from 'typebox';
import type { Projection } from '../project/projection.ts';
import type { Actor, CommandContext } from './context.ts';
import type { Services } from './services.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
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

/** Whether every success of a contract has a revision, or only some. Without it, none has. */
export type Revised = 'always' | 'sometimes';

/**
 * The answer that a command's caller gets. `revision` becomes the ETag, with `beside`: what `If-Match` compares beside the revision,
 * because it is in another stream. The context tracks the position of the last event.
 */
export interface Answer {
  readonly data: unknown;
  readonly revision?: bigint;
  readonly beside?: string;
}

/** The row that a command answers with, and the function that makes the answer from it. */
export interface Answers<R extends object, S extends Services> {
  /** Only events of the command's own stream are in the row; `view` adds what other streams hold. */
  readonly row: Projection<R>;
  view(row: R, context: CommandContext<S>): unknown;
  /** What the ETag of an answer counts beside the revision: letters, digits and hyphens. Default: nothing. */
  beside?(data: unknown): string;
}

/** The caller of a command, before the command is carried out. */
export interface Caller<S extends Services> {
  readonly actor: Actor;
  readonly services: S;
}

/** A file that a command takes, in a multipart body in place of a JSON one. */
export interface Upload<S extends Services> {
  /** The name of its field in the body. */
  readonly field: string;
  readonly description: string;
  /** The media types of files that are accepted, for the specification. */
  readonly types: readonly string[];
  maxBytes(services: S): number;
  /**
   * Throws unless the caller may send the file: before it is read, so that nobody else makes the shop read it. With an idempotency key
   * the request may be a repeat, which `run` alone can tell.
   */
  admit(input: { readonly params: Readonly<Record<string, unknown>> }, caller: Caller<S>): Promise<void>;
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
  /** A caller may use the route before they have set up what the settings demand of their account beside a password. */
  readonly enrolment?: true;
  /** The rate limit that calls count against. Default: `public` without a token, `auth` with one. */
  readonly limit?: D['limit'];
  readonly params?: TObject;
  readonly body?: TObject;
  /** 202: the work is done after the answer. */
  readonly status?: 200 | 201 | 202;
  /** A file in place of a body. */
  readonly upload?: Upload<D['services']>;
  readonly result: TSchema;
  /** Default: `always` for a contract with `answers`, else never. The specification promises the ETag by it. */
  readonly revised?: Revised;
  /** Public error codes for OpenAPI, in addition to those that every route may answer. */
  readonly codes?: readonly string[];
  /** The projection and view that make the answer, unless `run` makes it itself. */
  readonly answers?: Answers<object, D['services']>;
  /**
   * The path, below the base path, that shows the effect on the aggregate with this id. Default: the created resource, or the
   * nearest part of the route's own path that a query answers.
   */
  seenAt?(id: string): string;
  /** The answer holds a secret that is made only once, so the command cannot be repeated: it takes no idempotency key. */
  readonly unrepeatable?: true;
  /**
   * The subject of a call without a token, such as the e-mail address that registers: its idempotency keys belong to that. Without
   * this, a call without a token takes no key, because two strangers may send the same one.
   */
  about?(body: unknown): string;
  /** The command is a security event of this name; each outcome goes to the log, with the caller's address. */
  readonly security?: string;
  /** The fields of a security event's line beside the caller, such as the user whose role was changed. */
  tells?(input: CommandInput<TObject | undefined, TObject | undefined>): Readonly<Record<string, string>>;
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
  /** The file of a command with `upload`. */
  readonly file?: Buffer;
}

/** Returns the function that declares a domain's commands. The schemas of `params` and `body` type the input of `run`. */
export const commandsOf =
  <D extends Domain>() =>
  <P extends TObject | undefined = undefined, B extends TObject | undefined = undefined>(
    contract: Omit<CommandContract<D>, 'params' | 'body' | 'tells' | 'run'> & {
      readonly params?: P;
      readonly body?: B;
      tells?(input: CommandInput<P, B>): Readonly<Record<string, string>>;
      run(input: CommandInput<P, B>, context: CommandContext<D['services']>): Promise<Answer>;
    },
  ): CommandContract<D> =>
    contract as unknown as CommandContract<D>;
