import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { projections } from '../../src/projections/index.ts';

const SQL = readFileSync(new URL('../../migrations/0003_read_models.ts', import.meta.url), 'utf8');
/** The engine's own columns of every read model. */
const ENGINE = { revision: 'bigint', position: 'bigint' };

/** `name type …` of each column but the generated ones, by table. */
function tablesOf(sql: string): Map<string, { columns: Record<string, string>; key: string }> {
  return new Map(
    [...sql.matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\n {4}\);/g)].map(([, table, body]) => {
      const columns = body!
        .replace(/\w+ tsvector GENERATED ALWAYS AS \([\s\S]*?\) STORED/g, '')
        .split(',')
        .map((column) => /^\s*(\w+) (\w+)(.*)$/.exec(column))
        .filter((match) => match !== null);
      const key = columns.find(([, , , rest]) => rest!.includes('PRIMARY KEY'))?.[1] ?? '';
      return [table!, { columns: Object.fromEntries(columns.map(([, name, type]) => [name, type])), key }];
    }),
  );
}

describe('read models', () => {
  const tables = tablesOf(SQL);

  it('are each in a table of their own', () => {
    expect([...tables.keys()]).to.have.members(projections.map(({ table }) => table));
    expect(new Set(projections.map(({ name }) => name)).size).to.equal(projections.length);
  });

  for (const { name, table, key, columns } of projections) {
    it(`${name} has the columns of its table`, () => {
      expect({ ...columns, ...ENGINE }).to.deep.equal(tables.get(table)?.columns);
      expect(tables.get(table)?.key).to.equal(key);
    });
  }
});
