import type { Static, TObject, TSchema } from 'typebox';
import type { Access, Domain, Revised, Route } from '../decide/command.ts';
import type { Actor } from '../decide/context.ts';
import type { Services } from '../decide/services.ts';
import type { EventStore } from '../../eventstore/eventStore.ts';
import type { Cursors } from './cursor.ts';

export const PER_PAGE_DEFAULT = 20;
export const PER_PAGE_MAX = 100;

export interface Pagination {
  readonly current_page: number;
  readonly per_page: number;
  readonly total_items: number;
  readonly total_pages: number;
  /** There are more than `total_items`: counting all of them would cost more than the page. */
  readonly total_is_minimum?: true;
  /** The cursor of the page that follows; absent on the last page. */
  readonly next?: string;
}

/** Of a list whose length nobody has counted: pages of it only follow each other. */
interface Onward {
  readonly per_page: number;
  /** As in `Pagination`. A page may have fewer entries than asked for, even none, and yet be followed by another. */
  readonly next?: string;
}

/** `revision` becomes the ETag, with `beside` as in the answer of a command. */
export interface QueryAnswer {
  readonly data: unknown;
  readonly pagination?: Pagination | Onward;
  readonly revision?: bigint;
  readonly beside?: string;
}

/** Read-only SQL on the read models. Returns `int8` as a number (a safe integer), `timestamptz` as ISO text, `jsonb` parsed. */
export interface ReadDb {
  rows<R extends object>(sql: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface QueryContext<S extends Services = Services> {
  readonly actor: Actor;
  readonly now: string;
  readonly db: ReadDb;
  /** The cursors of the list that is asked for. */
  readonly cursors: Cursors;
  readonly store: EventStore;
  readonly services: S;
}

type ArgsOf<P extends TObject | undefined> = P extends TObject ? Static<P> : Record<string, never>;

export interface QueryInput<P extends TObject | undefined, Q extends TObject | undefined> {
  readonly params: ArgsOf<P>;
  readonly query: ArgsOf<Q>;
}

type AnyInput = QueryInput<TObject | undefined, TObject | undefined>;

/** How an answer is cached. Only for answers that are the same for every permitted caller. */
interface CacheRule {
  readonly ttlMs: number;
  key(input: AnyInput): string;
  /** A cached answer is dropped when one of its tags is invalidated. Projections invalidate their own name and their `tags`. */
  tags(input: AnyInput): readonly string[];
}

/** One query as data, like `CommandContract` for a command. */
export interface QueryContract<D extends Domain = Domain> {
  readonly name: string;
  readonly summary: string;
  readonly tag: string;
  readonly route: Route;
  readonly aliases?: readonly Route[];
  readonly access: Access<D['role']>;
  /** A caller may use the route before they have set up what the settings demand of their account beside a password. */
  readonly enrolment?: true;
  readonly params?: TObject;
  /** Scalars only. The values come converted from the query string's text. */
  readonly query?: TObject;
  readonly result: TSchema;
  /** Default: never. */
  readonly revised?: Revised;
  /** A list in pages: it takes the arguments of `Paging`, and their other names. `onward`: its pages only follow each other. */
  readonly paginated?: boolean | 'onward';
  /** Other names of arguments, each with the name in `query`. A caller gives an argument by one of its names. */
  readonly queryAliases?: Readonly<Record<string, string>>;
  readonly codes?: readonly string[];
  /** The projections that the query reads. It waits for them (read your writes) and reports their `Projection-Position`. */
  readonly reads: readonly string[];
  readonly cache?: CacheRule;
  /** No cache on the way may keep an answer, not even the caller's own. */
  readonly secret?: true;
  run(input: AnyInput, context: QueryContext<D['services']>): Promise<QueryAnswer>;
  /**
   * Runs when `run` finds nothing and the caller is signed in: for what this caller alone may see. Its answer is never cached. It
   * refuses what it does not find.
   */
  ownRun?(this: void, input: AnyInput, context: QueryContext<D['services']>): Promise<QueryAnswer>;
}

/** Returns the function that declares a domain's queries. The schemas of `params` and `query` type the input of `run`. */
export const queriesOf =
  <D extends Domain>() =>
  <P extends TObject | undefined = undefined, Q extends TObject | undefined = undefined>(
    contract: Omit<QueryContract<D>, 'params' | 'query' | 'run' | 'ownRun' | 'cache'> & {
      readonly params?: P;
      readonly query?: Q;
      readonly cache?: {
        readonly ttlMs: number;
        key(input: QueryInput<P, Q>): string;
        tags(input: QueryInput<P, Q>): readonly string[];
      };
      run(input: QueryInput<P, Q>, context: QueryContext<D['services']>): Promise<QueryAnswer>;
      ownRun?(this: void, input: QueryInput<P, Q>, context: QueryContext<D['services']>): Promise<QueryAnswer>;
    },
  ): QueryContract<D> =>
    contract as unknown as QueryContract<D>;

export const paginate = (page: number, perPage: number, totalItems: number): Pagination => ({
  current_page: page,
  per_page: perPage,
  total_items: totalItems,
  total_pages: Math.ceil(totalItems / perPage),
});
