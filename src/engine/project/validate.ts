import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { UUID } from '../../platform/ids.ts';
import { type Change, type ColumnType, EVERY_CATEGORY, type Projection, type Row } from './projection.ts';

/** Names that are safe and short enough for identifiers, prepared statements and index names. */
const NAME = /^[a-z][a-z0-9_]{0,39}$/;
/** UUIDs and integers as Postgres prints them: one text per value, so keys can be compared as text. */
const UUID_KEY = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INTEGER_KEY = /^(?:0|-?[1-9]\d{0,17})$/;
const INSTANT = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?Z$/;
const INT_MAX = 2 ** 31 - 1;
const SHOWN_CHARS_MAX = 100;

/** The values that each column type takes. Postgres itself checks the rest. */
const TAKES: Record<ColumnType, (value: unknown) => boolean> = {
  uuid: (value) => typeof value === 'string' && UUID.test(value),
  text: (value) => typeof value === 'string',
  int: (value) => Number.isInteger(value) && Math.abs(value as number) <= INT_MAX,
  bigint: (value) => Number.isSafeInteger(value),
  float8: (value) => Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
  timestamptz: (value) => typeof value === 'string' && INSTANT.test(value),
  jsonb: () => true,
  tsvector: (value) => typeof value === 'string',
};

/** The follower's name in `checkpoints` and `dead_letters`. */
export const followerOf = (projection: string): string => `projection:${projection}`;

/** A checked projection, with what the engine derives from it. */
export interface Prepared {
  readonly projection: Projection;
  readonly name: string;
  readonly follower: string;
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  readonly keyType: ColumnType;
  readonly changes: ReadonlyMap<string, Change<Row>>;
  /** Whether the event counts for a row's revision. */
  owns(event: RecordedEvent): boolean;
  /** The keys of the rows that the event touches, each once. Throws for a value that cannot be a key. */
  keys(event: RecordedEvent): readonly string[];
  /** Throws unless this row can be stored under this key. Checks only columns that differ from `before`. */
  check(row: Row, before: Row | undefined, key: string): void;
}

/** Checks a projection and prepares it for the engine. Throws when its definition cannot work. */
export function prepare(projection: Projection): Prepared {
  const { name, table, key, of } = projection;
  const types = new Map<string, ColumnType>(Object.entries(projection.columns));
  const columns = [...types];
  const wrong = [name, table, ...types.keys()].filter((word) => !NAME.test(word));
  if (wrong.length > 0) throw new Error(`projection ${name}: not a usable name: ${wrong.join(', ')}`);
  const keyType = types.get(key);
  if (keyType === undefined) throw new Error(`projection ${name}: its key ${key} is none of its columns`);
  if (types.has('revision') || types.has('position')) {
    throw new Error(`projection ${name}: revision and position belong to the engine`);
  }

  const changes = new Map(
    Object.entries(projection.on).flatMap(([type, entry]) => (entry === undefined ? [] : [[type, entry]])),
  );
  const prefix = `${of}-`;
  const names = columns.map(([column]) => column);
  const takes = columns.map(([, type]) => TAKES[type]);
  const isKey = keyTest(keyType);

  return {
    projection,
    name,
    follower: followerOf(name),
    columns,
    keyType,
    changes,
    owns: of === EVERY_CATEGORY ? () => true : ({ stream }) => stream.startsWith(prefix) || stream === of,
    keys(event) {
      const found = changes.get(event.type)!.key(event);
      if (typeof found === 'string') {
        if (!isKey(found)) throw noKey(found, keyType);
        return [found];
      }
      for (const one of found) if (!isKey(one)) throw noKey(one, keyType);
      return found.length > 1 ? [...new Set(found)] : found;
    },
    check(row, before, wanted) {
      // Hot path, run for each event and column: avoid iterators.
      for (let index = 0; index < names.length; index += 1) {
        const column = names[index]!;
        const value = row[column];
        if (value === null || (before !== undefined && value === before[column])) continue;
        if (value === undefined || !takes[index]!(value))
          throw unstorable(`${table}.${column}`, types.get(column), value);
      }
      if (row[key] !== wanted && String(row[key]) !== wanted) {
        throw new TypeError(`a row made for key ${wanted} says that its ${key} is ${String(row[key])}`);
      }
    },
  };
}

function unstorable(column: string, type: ColumnType | undefined, value: unknown): TypeError {
  const shown = value === undefined ? 'nothing at all' : typeof value === 'string' ? value : JSON.stringify(value);
  return new TypeError(`column ${column} is ${String(type)} and cannot hold ${shown.slice(0, SHOWN_CHARS_MAX)}`);
}

function keyTest(type: ColumnType): (key: unknown) => boolean {
  if (type === 'uuid') return (key) => typeof key === 'string' && UUID_KEY.test(key);
  if (type === 'int' || type === 'bigint') return (key) => typeof key === 'string' && INTEGER_KEY.test(key);
  return (key) => typeof key === 'string' && !key.includes('\0');
}

const noKey = (key: unknown, type: ColumnType): TypeError =>
  new TypeError(`not a key of type ${type}: ${JSON.stringify(key)}`);
