import { parkSql } from '../follow/deadLetters.ts';
import type { Prepared } from './validate.ts';
import type { ColumnType } from './projection.ts';

/** The parts of a writing statement. Their parameters come in the order of `PARTS`. */
export type Part = 'owned' | 'removed' | 'written' | 'parked';
const PARTS: readonly Part[] = ['owned', 'removed', 'written', 'parked'];

interface Statement {
  /** Name of the prepared statement. */
  readonly name: string;
  readonly text: string;
}

export interface Statements {
  /** `$1`: the keys. */
  readonly load: Statement;
  writing(parts: ReadonlySet<Part>): Statement;
}

const quoted = (name: string): string => `"${name}"`;

/**
 * Moves the checkpoint if the lease holds. Parameters: new position, name, token, old position. The commit does not wait for
 * the disk: a crash reverts rows and checkpoint together, and the log, which does wait, still has the events. After each lost
 * connection the projector begins again at the checkpoint.
 */
const owned = (next: () => string): string => `
  UPDATE checkpoints SET updated_at = now(), last_error = NULL, position = (${next()}::text)::bigint
  WHERE name = ${next()} AND lease_epoch = (${next()}::text)::bigint AND position = (${next()}::text)::bigint
  RETURNING set_config('synchronous_commit', 'off', true)`;

/** The SQL for one projection on one table. Each text is made once, and prepared once per connection. */
export function statementsFor(prepared: Prepared, tableName: string): Statements {
  const { projection, name, columns } = prepared;
  const table = quoted(tableName);
  const key = quoted(projection.key);
  const keys = (parameter: string): string => `${parameter}::text[]::${prepared.keyType}[]`;
  const all = [...columns.map(([column]) => column), 'revision', 'position'];
  const types: readonly ColumnType[] = [...columns.map(([, type]) => type), 'bigint', 'bigint'];
  const list = all.map(quoted).join(', ');

  function upsert(next: () => string, condition: string): string {
    const casts = types.map((type, index) => `c${index}::${type}`).join(', ');
    const aliases = types.map((_, index) => `c${index}`).join(', ');
    const arrays = types.map(() => `${next()}::text[]`).join(', ');
    const others = all.filter((column) => column !== projection.key).map(quoted);
    return `INSERT INTO ${table} (${list}) SELECT ${casts} FROM unnest(${arrays}) AS u(${aliases}) WHERE ${condition}
      ON CONFLICT (${key}) DO UPDATE SET ${others.map((column) => `${column} = EXCLUDED.${column}`).join(', ')}`;
  }

  function make(parts: ReadonlySet<Part>): string {
    let count = 0;
    const next = (): string => `$${(count += 1)}`;
    const condition = parts.has('owned') ? 'EXISTS (SELECT FROM owned)' : 'true';
    const sql: Record<Part, () => string> = {
      owned: () => owned(next),
      removed: () => `DELETE FROM ${table} WHERE ${key} = ANY(${keys(next())}) AND ${condition}`,
      written: () => upsert(next, condition),
      parked: () => parkSql(next(), condition),
    };
    const wanted = PARTS.filter((part) => parts.has(part));
    const ctes = wanted.map((part) => `${part} AS (${sql[part]()})`).join(', ');
    return `WITH ${ctes} SELECT ${condition} AS done`;
  }

  const made = new Map<string, Statement>();
  return {
    load: {
      name: `${tableName}/${name}.load`,
      text: `SELECT ${list} FROM ${table} WHERE ${key} = ANY(${keys('$1')})`,
    },
    writing(parts) {
      const kind = PARTS.map((part) => (parts.has(part) ? part[0]! : '')).join('');
      const known = made.get(kind) ?? { name: `${tableName}/${name}.${kind}`, text: make(parts) };
      made.set(kind, known);
      return known;
    },
  };
}

const TEXT_OID = 25;
const HEADER_BYTES = 20;
const EMPTY_BYTES = 12;
const LENGTH_BYTES = 4;

/**
 * A `text[]` with nulls in Postgres' binary format. It needs no escaping here and no parsing in Postgres, which otherwise
 * take most of the time of writing a thousand rows at once.
 */
export function textArray(texts: readonly (string | null)[]): Buffer {
  const lengths = texts.map((text) => (text === null ? -1 : Buffer.byteLength(text)));
  const body = lengths.reduce((sum, length) => sum + LENGTH_BYTES + Math.max(length, 0), 0);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + body);
  buffer.writeInt32BE(texts.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(TEXT_OID, 8);
  if (texts.length === 0) return buffer.subarray(0, EMPTY_BYTES);
  buffer.writeInt32BE(texts.length, EMPTY_BYTES);
  buffer.writeInt32BE(1, EMPTY_BYTES + LENGTH_BYTES);
  let at = HEADER_BYTES;
  texts.forEach((text, index) => {
    const length = lengths[index]!;
    at = buffer.writeInt32BE(length, at);
    // Nearly all text is ASCII, for which the one-byte writer is several times faster.
    if (text !== null) at += buffer.write(text, at, length === text.length ? 'latin1' : 'utf8');
  });
  return buffer;
}
