import type { Queryable } from '../../platform/postgres/pool.ts';
import type { Prepared } from '../project/validate.ts';
import { indexesOf, liveTable, PREFIX, shadowTable, triggersOf } from './shadow.ts';

/** The live table is not built like the rebuilt one any more: something has changed it meanwhile. */
export class TableChanged extends Error {
  constructor(name: string, differences: readonly string[]) {
    super(
      `the table of ${name} was changed while it was being rebuilt (${differences.join('; ')}). ` +
        'The live table is unchanged; rebuild it again when nothing migrates it.',
    );
    this.name = 'TableChanged';
  }
}

/** Columns and checks of a table, each as a line of text. */
const PARTS = `
  SELECT format('column %s %s%s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' NOT NULL' END,
    CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END,
    CASE WHEN a.attgenerated <> '' THEN ' GENERATED' WHEN a.attidentity <> '' THEN ' IDENTITY ' || a.attidentity::text END,
    ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS line
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
  WHERE conrelid = to_regclass($1) AND contype = 'c'`;

async function partsOf(db: Queryable, table: string): Promise<string[]> {
  const { rows } = await db.query<{ line: string }>(PARTS, [table]);
  return rows.map(({ line }) => line);
}

async function shapeOf(db: Queryable, table: string, prefix: string): Promise<Set<string>> {
  const indexes = (await indexesOf(db, table)).map(
    ({ name, definition, unique, constraint }) =>
      `index ${name.slice(prefix.length)} ${unique ? 'unique ' : ''}${constraint ?? ''}${definition}`,
  );
  const triggers = (await triggersOf(db, table, '"the table"')).map((line) => `trigger ${line}`);
  return new Set([...(await partsOf(db, table)), ...indexes, ...triggers]);
}

/** Throws `TableChanged` unless the rebuilt table has the columns, indexes, constraints and triggers of the live one. */
export async function mustHaveSameShape(tx: Queryable, prepared: Prepared): Promise<void> {
  const live = await shapeOf(tx, liveTable(prepared), '');
  const shadow = await shapeOf(tx, shadowTable(prepared), PREFIX);
  const differences = [
    ...[...live].filter((line) => !shadow.has(line)).map((line) => `it has ${line}`),
    ...[...shadow].filter((line) => !live.has(line)).map((line) => `it no longer has ${line}`),
  ];
  if (differences.length > 0) throw new TableChanged(prepared.name, differences);
}
