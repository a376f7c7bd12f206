import { expect } from 'chai';
import type { EventStore, RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { projections } from '../../src/projections/index.ts';
import { keysOf, type Change, type Row } from '../../src/engine/project/projection.ts';
import type { Shop } from '../../src/compose/shop.ts';
import { wholeLog } from './events.ts';

function apply(table: Map<string, Row>, entry: Change<Row> | undefined, event: RecordedEvent): void {
  for (const key of entry === undefined ? [] : keysOf(entry, event)) {
    const next = entry!.row(table.get(key), event, key);
    if (next === null) table.delete(key);
    else if (next !== undefined) table.set(key, next);
  }
}

/** The fold of the whole log by the projections' own functions, in memory, event by event: rows by projection and key. */
async function foldOfTheLog(store: EventStore): Promise<Map<string, Map<string, Row>>> {
  const tables = new Map(projections.map(({ name }) => [name, new Map<string, Row>()]));
  for (const event of await wholeLog(store)) {
    for (const { name, on } of projections) apply(tables.get(name)!, on[event.type], event);
  }
  return tables;
}

/** The row as the database shows it: it sorts the terms of a text search vector. */
async function asShown(
  db: Shop['db'],
  row: Row | undefined,
  columns: Readonly<Record<string, string>>,
): Promise<unknown> {
  const shown: Record<string, unknown> = { ...row };
  for (const [column, type] of Object.entries(columns)) {
    if (type !== 'tsvector' || row === undefined) continue;
    const [sorted] = await db.rows<{ vector: string }>('SELECT $1::tsvector::text AS vector', [shown[column]]);
    shown[column] = sorted!.vector;
  }
  return row === undefined ? undefined : shown;
}

/** Checks that every read model equals the fold, row by row and column by column. Nothing may be written meanwhile. */
export async function expectRowsToBeTheFold({ store, db }: Pick<Shop, 'store' | 'db'>): Promise<void> {
  const folded = await foldOfTheLog(store);
  for (const { name, table, key, columns } of projections) {
    const rows = await db.rows<Row>(`SELECT ${Object.keys(columns).join(', ')} FROM ${table}`);
    const expected = folded.get(name)!;
    for (const row of rows) {
      const wanted = await asShown(db, expected.get(String(row[key])), columns);
      expect(row, `${name} ${String(row[key])}`).to.deep.equal(wanted);
    }
    expect(rows, name).to.have.length(expected.size);
  }
}

/**
 * Names of the followers (projections, handlers) whose checkpoint is not at the head of the log yet. The log itself is named when
 * it grew meanwhile, because handlers append: only with none named is it at rest.
 */
export async function behind({ store, db }: Pick<Shop, 'store' | 'db'>): Promise<string[]> {
  const { position } = await store.head();
  const rows = await db.rows<{ name: string; position: string }>('SELECT name, position::text FROM checkpoints');
  const late = rows
    .filter(({ name, position: reached }) => /^(projection|consumer):/.test(name) && BigInt(reached) < position)
    .map(({ name }) => name);
  const grew = (await store.head()).position > position;
  return grew ? [...late, 'log'] : late;
}
