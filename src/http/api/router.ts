import type { Method } from '../../engine/decide/command.ts';

/** The outcome for a path. `params` are the segments in place of parameters, as they were sent (still percent-encoded). */
type Match<T> =
  | { readonly outcome: 'found'; readonly value: T; readonly params: readonly string[] }
  | { readonly outcome: 'otherMethods'; readonly allow: readonly string[] }
  | { readonly outcome: 'none' };

interface Node<T> {
  readonly statics: Map<string, Node<T>>;
  param: Node<T> | undefined;
  readonly methods: Map<string, T>;
}

export interface Router<T> {
  match(method: string, path: string): Match<T>;
}

export interface RouteEntry<T> {
  readonly method: Method;
  /** `/orders/:id/cancel`: a segment that begins with a colon matches any one segment. */
  readonly path: string;
  readonly value: T;
}

const NONE = { outcome: 'none' } as const;
const SEGMENT = /^(?::[a-z][a-z0-9_]*|[a-z0-9][a-z0-9._-]*)$/i;

const node = <T>(): Node<T> => ({ statics: new Map(), param: undefined, methods: new Map() });

/** Names of a path's parameters, in order. */
export const paramsOf = (path: string): string[] =>
  path.split('/').flatMap((segment) => (segment.startsWith(':') ? [segment.slice(1)] : []));

export const splitRoute = (route: string): { method: Method; path: string } => {
  const space = route.indexOf(' ');
  return { method: route.slice(0, space) as Method, path: route.slice(space + 1) };
};

function insert<T>(root: Node<T>, { method, path, value }: RouteEntry<T>): void {
  let at = root;
  for (const segment of path.slice(1).split('/')) {
    if (!SEGMENT.test(segment)) throw new Error(`Route ${method} ${path}: "${segment}" is not a segment.`);
    if (segment.startsWith(':')) at = at.param ??= node();
    else {
      let next = at.statics.get(segment);
      if (next === undefined) at.statics.set(segment, (next = node()));
      at = next;
    }
  }
  if (at.methods.has(method)) throw new Error(`Route ${method} ${path} is declared twice.`);
  at.methods.set(method, value);
}

/** Static segments are tried before parameters: `/users/me` wins over `/users/:id`. */
function find<T>(at: Node<T>, segments: readonly string[], depth: number, params: string[]): Node<T> | undefined {
  const segment = segments[depth];
  if (segment === undefined) return at.methods.size > 0 ? at : undefined;
  const literal = at.statics.get(segment);
  if (literal !== undefined) {
    const found = find(literal, segments, depth + 1, params);
    if (found !== undefined) return found;
  }
  if (at.param === undefined || segment === '') return undefined;
  params.push(segment);
  const found = find(at.param, segments, depth + 1, params);
  if (found === undefined) params.pop();
  return found;
}

const allowOf = (methods: ReadonlyMap<string, unknown>): string[] =>
  [...methods.keys(), ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();

/**
 * A trie of path segments, built once from all routes. GET's route answers HEAD too. For a known path with another method,
 * the match lists the allowed methods. Throws on a route that is declared twice.
 */
export function createRouter<T>(entries: readonly RouteEntry<T>[]): Router<T> {
  const root = node<T>();
  for (const entry of entries) insert(root, entry);
  return {
    match(method, path) {
      const segments = path.split('/');
      segments.shift();
      if (segments.length > 1 && segments.at(-1) === '') segments.pop();
      const params: string[] = [];
      const found = find(root, segments, 0, params);
      if (found === undefined) return NONE;
      const value = found.methods.get(method === 'HEAD' ? 'GET' : method);
      return value === undefined
        ? { outcome: 'otherMethods', allow: allowOf(found.methods) }
        : { outcome: 'found', value, params };
    },
  };
}
