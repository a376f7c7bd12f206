import { parkingsJson } from '../follow/deadLetters.ts';
import type { Lease } from '../follow/lease.ts';
import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Folded, HeldRow, Rows } from './apply.ts';
import type { Prepared } from './validate.ts';
import type { ColumnType, Row } from './projection.ts';
import { type Part, statementsFor, textArray } from './statements.ts';

/** A value that cannot even be sent to Postgres. */
export class Unsendable extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'Unsendable';
  }
}

/** One projection's table, live or shadow. */
export interface Table {
  /** The existing rows with these keys. */
  load(db: Queryable, keys: Iterable<string>): Promise<Rows>;
  /** Writes the changed rows. */
  write(db: Queryable, rows: Rows): Promise<void>;
  /**
   * Writes rows, parked events and checkpoint in one statement, so in one transaction. Without the lease it writes nothing
   * and throws `LeaseLost`.
   */
  commit(db: Queryable, lease: Lease, position: bigint, folded: Folded): Promise<void>;
}

export const NOTHING: Folded = { rows: new Map(), parkings: [] };

/** A column's value as text for Postgres. */
export const textOf = (type: ColumnType, value: unknown): string | null => {
  if (value === null || value === undefined) return null;
  return type !== 'jsonb' && typeof value === 'string' ? value : JSON.stringify(value);
};

/** The table of a projection: the live one, unless another is named. */
export function tableOf(prepared: Prepared, name = prepared.projection.table): Table {
  const { projection, follower, columns } = prepared;
  const statements = statementsFor(prepared, name);

  function toHeld(values: readonly unknown[]): [string, HeldRow] {
    const row: Row = {};
    columns.forEach(([column], index) => {
      row[column] = values[index];
    });
    const [revision, position] = values.slice(columns.length) as [number | bigint, number | bigint];
    const held = { row, revision: BigInt(revision), position: BigInt(position), changed: false };
    return [String(row[projection.key]), held];
  }

  const arraysOf = (written: readonly HeldRow[]): Buffer[] => [
    ...columns.map(([column, type]) => textArray(written.map(({ row }) => textOf(type, row![column])))),
    textArray(written.map(({ revision }) => String(revision))),
    textArray(written.map(({ position }) => String(position))),
  ];

  /** The parts of the statement that writes these changes, and their parameters. */
  function partsOf({ rows, parkings }: Folded): { parts: Set<Part>; values: unknown[] } {
    const parts = new Set<Part>();
    const values: unknown[] = [];
    const add = (part: Part, parameters: readonly unknown[]): void => {
      parts.add(part);
      values.push(...parameters);
    };
    const { written, removed } = changesOf(rows);
    try {
      if (removed.length > 0) add('removed', [textArray(removed)]);
      if (written.length > 0) add('written', arraysOf(written));
      if (parkings.length > 0) add('parked', [parkingsJson(follower, parkings)]);
    } catch (error) {
      throw new Unsendable(error);
    }
    return { parts, values };
  }

  return {
    async load(db, keys) {
      const wanted = [...keys];
      if (wanted.length === 0) return new Map();
      const values = [textArray(wanted)];
      const { rows } = await db.query<unknown[]>({ ...statements.load, values, rowMode: 'array' });
      return new Map(rows.map(toHeld));
    },

    async write(db, rows) {
      const { parts, values } = partsOf({ rows, parkings: [] });
      if (parts.size > 0) await db.query({ ...statements.writing(parts), values });
    },

    async commit(db, lease, position, folded) {
      const { parts, values } = partsOf(folded);
      parts.add('owned');
      const { rows } = await db.query<{ done: boolean }>({
        ...statements.writing(parts),
        values: [String(position), lease.name, String(lease.epoch), String(lease.position), ...values],
      });
      if (rows[0]?.done !== true) throw lease.lose();
    },
  };
}

function changesOf(rows: Rows): { written: HeldRow[]; removed: string[] } {
  const written: HeldRow[] = [];
  const removed: string[] = [];
  for (const [key, held] of rows) {
    if (!held.changed) continue;
    if (held.row === undefined) removed.push(key);
    else written.push(held);
  }
  return { written, removed };
}
