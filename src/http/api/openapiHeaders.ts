/** The headers of answers, in the specification. */

const headerRef = (name: string) => ({ $ref: `#/components/headers/${name}` });

const text = (description: string, example?: string) => ({
  description,
  schema: { type: 'string', ...(example === undefined ? {} : { examples: [example] }) },
});
const always = (description: string, example: string) => ({ ...text(description, example), required: true });

/** Headers that every answer has where they are named, and after them those that only some answers have. */
export const headers = {
  'X-Request-ID': always('The id of this request: the one that you sent if it is valid, else a new one.', 'a1b2c3'),
  ETag: always('The revision of the resource, of a product also its stock, for `If-Match` and `If-None-Match`.', '"3"'),
  'Projection-Position': always('The answer includes every event up to here.', '42'),
  Location: always('The address of what was created.', '/api/v1/orders/0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e06'),
  'Retry-After': always('Seconds.', '1'),
  'WWW-Authenticate': always('How to sign in.', 'Bearer'),
  'Event-Position': always('The position in the log of the last event of this command.', '42'),
  PerhapsEventPosition: text('The position in the log of the last event of this command, unless it made none.', '42'),
  PerhapsETag: text('The revision of the resource, where it has one.', '"3"'),
  PerhapsLocation: text('The address that shows the effect, where there is one.', '/api/v1/cart'),
  PerhapsRetryAfter: text('Seconds, where a later try can succeed.', '1'),
  'Idempotency-Replayed': text('`true` when this is the answer to an earlier request with the same key.', 'true'),
  RateLimit: text('Requests left, and seconds until more are. Absent without limits.', '"public";r=59;t=60'),
  'RateLimit-Policy': text('Requests allowed per window of seconds. Absent without limits.', '"public";q=60;w=60'),
};

/** A header's name in an answer, where it differs from its name among the components. */
const SENT_AS: Readonly<Record<string, string>> = {
  PerhapsEventPosition: 'Event-Position',
  PerhapsETag: 'ETag',
  PerhapsLocation: 'Location',
  PerhapsRetryAfter: 'Retry-After',
};
type HeaderName = keyof typeof headers;
export const among = (...names: readonly (HeaderName | false)[]) =>
  Object.fromEntries(
    names.flatMap((name) => (name === false ? [] : [[SENT_AS[name] ?? name, headerRef(name)] as const])),
  );
export const LIMITS = ['RateLimit', 'RateLimit-Policy'] as const;

/** The headers of an answer. */
export const headersOf = {
  success(
    kind: 'command' | 'query',
    { revised, located }: { revised: 'always' | 'sometimes' | undefined; located: boolean },
  ) {
    const etag = revised === undefined ? false : revised === 'always' ? 'ETag' : 'PerhapsETag';
    return kind === 'query'
      ? among('X-Request-ID', etag, 'Projection-Position', ...LIMITS)
      : among('X-Request-ID', etag, 'PerhapsEventPosition', located && 'Location', 'Idempotency-Replayed', ...LIMITS);
  },
  problem: (status: number) =>
    among(
      'X-Request-ID',
      status === 401 && 'WWW-Authenticate',
      (status === 429 || status === 503) && 'Retry-After',
      status === 409 && 'PerhapsRetryAfter',
      status < 500 && 'Idempotency-Replayed',
      ...LIMITS,
    ),
};
