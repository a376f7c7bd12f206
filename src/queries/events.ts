import { type Static, Type } from 'typebox';
import { shownData, subjectsIn } from './shownEvent.ts';
import { browse, LOOKED_THROUGH_MAX } from '../engine/ask/browse.ts';
import { CURSOR_CHARS_MAX } from '../engine/ask/cursor.ts';
import { Times } from '../engine/ask/paging.ts';
import { invalid } from '../errors.ts';
import { categoryOf, type Metadata, type RecordedEvent } from '../eventstore/eventStore.ts';
import { poisonOf } from '../eventstore/upcast.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { defineQuery, type Services } from './contract.ts';

const EVENTS_DEFAULT = 20;
const EVENTS_MAX = 100;
const FILTER_CHARS_MAX = 200;

const EventView = Named('LogEvent', {
  position: Type.String(),
  stream: Type.String(),
  revision: Type.String(),
  event_id: Id,
  type: Type.String(),
  at: Nullable(Instant),
  actor: Nullable(Type.String()),
  command: Nullable(Type.String()),
  command_id: Nullable(Type.String()),
  correlation_id: Nullable(Type.String()),
  causation_id: Nullable(Type.String()),
  data: Type.Unknown({
    description:
      'The fields of the event; null when this version cannot read it. `[sealed]`: text of a person; `[erased]`: of one who was erased; `[secret]`: a token or hash.',
  }),
});
type EventView = Static<typeof EventView>;

const UNREADABLE = {
  ...{ at: null, actor: null, command: null, command_id: null },
  ...{ correlation_id: null, causation_id: null, data: null },
};

/** Erased persons are told from others by their keys; no text is opened for it. */
async function viewsOf(
  { personalData }: Pick<Services, 'personalData'>,
  events: readonly RecordedEvent[],
): Promise<EventView[]> {
  const readable = events.filter((event) => poisonOf(event) === undefined);
  const known = await personalData.withKey(readable.flatMap(({ data }) => subjectsIn(data)));
  return events.map((event) => {
    const { position, stream, revision, id, type } = event;
    const place = { position: String(position), stream, revision: String(revision), event_id: id, type };
    if (poisonOf(event) !== undefined) return { ...place, ...UNREADABLE };
    const { actor, command, commandId, correlationId, causationId, occurredAt } = event.metadata;
    return {
      ...{ ...place, at: occurredAt, actor, command, command_id: commandId, correlation_id: correlationId },
      causation_id: causationId ?? null,
      data: shownData(event, (subject) => !known.has(subject)),
    };
  });
}

interface Filters {
  readonly stream?: string;
  readonly type?: string;
  readonly correlation_id?: string;
  readonly actor?: string;
  readonly from?: string;
  readonly to?: string;
}

const isIn = (stream: string, { stream: its }: RecordedEvent): boolean => its === stream || categoryOf(its) === stream;

/** An unreadable event has no usable metadata, so it is found by its stream and type only. */
function matcherOf({ stream, type, ...filters }: Filters): (event: RecordedEvent) => boolean {
  const fits = metadataMatcherOf(filters);
  return (event) =>
    (stream === undefined || isIn(stream, event)) &&
    (type === undefined || event.type === type) &&
    (fits === undefined || (poisonOf(event) === undefined && fits(event.metadata)));
}

/** Undefined when no filter is about metadata. */
function metadataMatcherOf(filters: Omit<Filters, 'stream' | 'type'>): ((metadata: Metadata) => boolean) | undefined {
  if (Object.values<string | undefined>(filters).every((value) => value === undefined)) return undefined;
  const { correlation_id: correlationId, actor } = filters;
  const from = filters.from === undefined ? -Infinity : Date.parse(filters.from);
  const to = filters.to === undefined ? Infinity : Date.parse(filters.to);
  if (from >= to) return invalid('to', 'must be later than `from`');
  return (metadata) => {
    const at = Date.parse(metadata.occurredAt);
    if (correlationId !== undefined && metadata.correlationId !== correlationId) return false;
    return (actor === undefined || metadata.actor === actor) && at >= from && at < to;
  };
}

const Filter = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: FILTER_CHARS_MAX, description }));

const listEvents = defineQuery({
  name: 'ListEvents',
  summary: `Browse the events of the log. A page looks through ${LOOKED_THROUGH_MAX.toLocaleString('en')} events at most, so it can be short, even empty, and yet have a \`next\``,
  tag: 'administration',
  route: 'GET /admin/events',
  access: ['admin'],
  query: Fields({
    stream: Type.Optional(
      Type.String({
        ...{ minLength: 1, maxLength: FILTER_CHARS_MAX, pattern: '^[A-Za-z][^\\u0000-\\u001f]*$' },
        description: 'a stream, such as order-<id>, or a kind of streams, such as order, of at most 200 characters',
      }),
    ),
    type: Filter('A type of events, such as OrderPlaced.'),
    correlation_id: Filter('The `request_id` of the request that began it.'),
    actor: Filter('The id of a user, the name of a handler, or `cli:` and an operator.'),
    ...Times(Instant),
    order: Type.Enum(['newest', 'oldest'], { default: 'newest', description: 'By position in the log, not by clock.' }),
    per_page: Type.Integer({ minimum: 1, maximum: EVENTS_MAX, default: EVENTS_DEFAULT }),
    cursor: Type.Optional(
      Type.String({
        ...{ minLength: 1, maxLength: CURSOR_CHARS_MAX },
        description: 'The `meta.pagination.next` of the page before, with the same filters and order.',
      }),
    ),
  }),
  queryAliases: { after: 'cursor', limit: 'per_page', page_size: 'per_page' },
  paginated: 'onward',
  result: Type.Array(EventView),
  reads: [],
  async run({ query }, { store, services, cursors }) {
    const { cursor, order, per_page: limit, ...filters } = query;
    const isWanted = matcherOf(filters);
    const place = cursor === undefined ? undefined : cursors.open(order, cursor).keys[0];
    const stream = filters.stream?.includes('-') === true ? filters.stream : undefined;
    const after = typeof place === 'string' ? BigInt(place) : undefined;
    const page = await browse(store, { stream, newestFirst: order === 'newest', after, limit }, isWanted);
    const next =
      page.next === undefined
        ? {}
        : { next: cursors.seal(order, { keys: [String(page.next)], before: 0, uncounted: false }) };
    return { data: await viewsOf(services, page.events), pagination: { per_page: limit, ...next } };
  },
});

export const eventQueries = [listEvents];
