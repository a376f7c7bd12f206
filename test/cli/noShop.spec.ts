import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Command } from 'commander';
import pg from 'pg';
import { createProgram } from '../../src/cli/program.ts';
import { secretsFile } from '../../src/platform/secrets.ts';
import { freshDatabase } from '../support/database.ts';
import { runCartulary, temporaryFolder } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';
import { openWorld, PASSWORD } from './world.ts';

/** The commands that make a shop where there is none, as the documents say. */
const MAKING = ['admin create', 'import events', 'migrate up', 'seed', 'serve'];
/** The commands that never look at a shop. */
const WITHOUT_SHOP = ['migrate create'];

const folder = temporaryFolder('no-shop');
const csv = path.join(folder, 'products.csv');
writeFileSync(csv, 'sku,name,description,price,stock,category\n');

/** A value for an argument or an option that must be given, by its name. A new name gets a line here. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  id: [randomUUID()],
  email: ['ada@shop.example'],
  'file.csv': [csv],
  file: [path.join(folder, 'export.ndjson')],
  name: ['orders'],
  store: [randomUUID()],
  reason: ['no longer wanted'],
  from: ['1'],
};
const valuesOf = (name: string): readonly string[] => {
  const values = VALUES[name];
  if (values === undefined) throw new Error(`this test has no value for ${name}: give it one in VALUES`);
  return values;
};

/** Each command of the program that does something, by its words. */
function leaves(command: Command, words: readonly string[] = []): { words: string; command: Command }[] {
  if (command.commands.length === 0) return [{ words: words.join(' '), command }];
  return command.commands.flatMap((one) => leaves(one, [...words, one.name()]));
}

const argsOf = ({ words, command }: { words: string; command: Command }): string[] => [
  ...words.split(' '),
  ...command.registeredArguments.flatMap((argument) => valuesOf(argument.name())),
  ...command.options
    .filter(({ mandatory, long }) => mandatory && command.getOptionValue(long!.slice(2)) === undefined)
    .flatMap(({ long }) => [long!, ...valuesOf(long!.slice(2))]),
];

const tablesOf = async (url: string): Promise<number> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sql = `SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`;
    return (await client.query<{ tables: number }>(sql)).rows[0]!.tables;
  } finally {
    await client.end();
  }
};

describe('a command in a place without a shop', function () {
  this.timeout(60_000);
  let looking: readonly { words: string; args: string[] }[];

  before(async () => {
    const all = leaves(await createProgram());
    expect(all.map(({ words }) => words)).to.include.members([...MAKING, ...WITHOUT_SHOP]);
    looking = all
      .filter(({ words }) => ![...MAKING, ...WITHOUT_SHOP].includes(words))
      .map((leaf) => ({ words: leaf.words, args: argsOf(leaf) }));
  });

  it('refuses a mistyped folder by its path, and makes nothing there', async () => {
    for (const { words, args } of looking) {
      const parent = mkdtempSync(path.join(folder, 'parent-'));
      const typo = path.join(parent, 'a', 'typo');
      const { code, output } = await runCartulary(args, { env: { DATA_DIR: typo } });
      expect({ words, code, output }).to.deep.include({ words, code: 1 });
      expect(output, words).to.contain(`There is no shop in ${typo}`);
      expect(readdirSync(parent), words).to.deep.equal([]);
    }
  });

  it('makes no shop for an admin that is refused', async () => {
    for (const [email, input] of [
      ['ada@example.com', 'password123\n'],
      ['no address', 'a long and rare sentence\n'],
    ] as const) {
      const parent = mkdtempSync(path.join(folder, 'parent-'));
      const args = ['admin', 'create', '--email', email, '--password-stdin'];
      const { code, output } = await runCartulary(args, { env: { DATA_DIR: path.join(parent, 'typo') }, input });
      expect(code, output).to.equal(1);
      expect(readdirSync(parent), email).to.deep.equal([]);
    }
  });

  it('refuses a folder of something else, and makes nothing in it', async () => {
    for (const { words, args } of looking) {
      const other = mkdtempSync(path.join(folder, 'other-'));
      writeFileSync(path.join(other, 'notes.txt'), 'mine');
      const { code, output } = await runCartulary(args, { env: { DATA_DIR: other } });
      expect({ words, code, output }).to.deep.include({ words, code: 1 });
      expect(output, words).to.contain(`There is no shop in ${other}`);
      expect(readdirSync(other), words).to.deep.equal(['notes.txt']);
    }
  });

  it('refuses an empty database by its name, and makes no table in it and no secret beside it', async () => {
    const database = await freshDatabase({ migrated: false });
    try {
      const { pathname, host } = new URL(database.url);
      for (const { words, args } of looking) {
        const dataDir = path.join(folder, randomUUID());
        const { code, output } = await runCartulary(args, { env: { DATABASE_URL: database.url, DATA_DIR: dataDir } });
        expect({ words, code, output }).to.deep.include({ words, code: 1 });
        expect(output, words).to.contain(`There is no shop in the database ${pathname.slice(1)} on ${host}`);
        expect(existsSync(dataDir), words).to.equal(false);
      }
      expect(await tablesOf(database.url)).to.equal(0);
    } finally {
      await database.drop();
    }
  });
});

describe('import events', function () {
  this.timeout(60_000);

  const wrong: Readonly<Record<string, readonly [content: Buffer, reason: string]>> = {
    'products.csv': [Buffer.from('sku,name\nP-1,Ink\n'), 'line 1: it is no JSON'],
    'products.csv.gz': [gzipSync('sku,name\nP-1,Ink\n'), 'line 1: it is no JSON'],
    'other.ndjson': [Buffer.from('{"a":1}\n'), 'line 1: this is no line of an export'],
    'other.ndjson.gz': [gzipSync('{"cartulary":"carts","format":1}\n'), 'line 1: this is no export of a log'],
    'newer.ndjson': [Buffer.from('{"cartulary":"log","format":99}\n'), 'its format is 99'],
    'cut.gz': [gzipSync('{"cartulary":"log","format":1}\n').subarray(0, 15), 'cut off'],
    'broken.gz': [Buffer.concat([Buffer.from('1f8b', 'hex'), Buffer.from('nothing packed')]), 'damaged'],
    'picture.png': [Buffer.from('89504e470d0a1a0a0000000d', 'hex'), 'no export of Cartulary'],
    'empty.ndjson': [Buffer.alloc(0), 'the export is empty'],
  };
  for (const [name, [content, reason]] of Object.entries(wrong)) {
    it(`refuses a file that is no export, and makes no shop for it: ${name}`, async () => {
      const file = path.join(folder, name);
      writeFileSync(file, content);
      const dataDir = path.join(folder, randomUUID());
      const { code, output } = await runCartulary(['import', 'events', file], { env: { DATA_DIR: dataDir } });
      expect({ code, output }).to.deep.include({ code: 1 });
      expect(output).to.contain(`${file} is no export of Cartulary`).and.contain(reason);
      expect(existsSync(dataDir)).to.equal(false);
    });
  }

  it('takes a packed export by any name', async () => {
    const world = await openWorld();
    const target = await freshDatabase();
    try {
      await world.people.person('Ada');
      const [packed, renamed] = ['export.gz', 'export.bak'].map((name) => path.join(folder, name)) as [string, string];
      await world.run(['export', packed]);
      copyFileSync(packed, renamed);
      const env = { DATABASE_URL: target.url, JWT_SECRET, MASTER_KEY };
      const { code, output } = await runCartulary(['import', 'events', renamed], { env });
      expect({ code, output }).to.deep.include({ code: 0 });
    } finally {
      await target.drop();
      await world.close();
    }
  });
});

describe('a command with the database of a shop and the data folder of none', function () {
  this.timeout(60_000);

  it('writes no secrets of its own beside a shop whose key is another', async () => {
    const world = await openWorld();
    try {
      await world.people.person('Ada');
      const dataDir = path.join(folder, randomUUID());
      const env = { DATABASE_URL: world.url, DATA_DIR: dataDir, JWT_SECRET: undefined, MASTER_KEY: undefined };
      const input = PASSWORD;
      for (const args of [
        ['serve'],
        ['serve', '--workers', '2'],
        ['admin', 'create', '--email', 'bo@example.com', '--password-stdin'],
        ['audit', 'order', randomUUID()],
        ['seed', '--scale', 'small'],
      ]) {
        const { code, output } = await world.run(args, { env, input });
        expect({ args, code, output }).to.deep.include({ args, code: 78 });
        expect(output, args.join(' ')).to.contain('MASTER_KEY is missing').and.contain(secretsFile(dataDir));
        expect(existsSync(dataDir), args.join(' ')).to.equal(false);
      }
    } finally {
      await world.close();
    }
  });

  it('needs no secret for tokens where it makes none', async () => {
    const world = await openWorld();
    try {
      const dataDir = path.join(folder, randomUUID());
      const env = { DATA_DIR: dataDir, JWT_SECRET: undefined };
      const { code, output } = await world.run(['audit', 'order', randomUUID()], { env });
      expect(code).to.equal(1);
      expect(output).to.contain('There is no order');
      expect(existsSync(dataDir)).to.equal(false);
    } finally {
      await world.close();
    }
  });

  it('makes a key for a migrated database in which nothing is sealed yet', async () => {
    const database = await freshDatabase();
    try {
      const dataDir = path.join(realpathSync(folder), randomUUID());
      mkdirSync(dataDir);
      const env = { DATABASE_URL: database.url, DATA_DIR: dataDir, JWT_SECRET };
      const args = ['admin', 'create', '--email', 'ada@example.com', '--password-stdin'];
      const { code, output } = await runCartulary(args, { env, input: PASSWORD });
      expect({ code, output }).to.deep.include({ code: 0 });
      expect(existsSync(secretsFile(dataDir))).to.equal(true);
      const again = await runCartulary(args, { env: { ...env, MASTER_KEY }, input: PASSWORD });
      expect(again.code).to.equal(78);
    } finally {
      await database.drop();
    }
  });
});
