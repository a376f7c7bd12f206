import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createLogHash, type EventLine, type Trailer } from '../../src/backup/format.ts';
import { projections } from '../../src/projections/index.ts';
import { openWorld, perform, programOn, type World } from '../cli/world.ts';
import { newStream, unheard } from '../support/events.ts';
import { freshDatabase } from '../support/database.ts';
import { temporaryFolder, type ProgramOptions } from '../support/process.ts';
import { openWriteSide, type Json } from '../support/shop.ts';

const folder = temporaryFolder('backup');
let files = 0;
/** The path of a file that does not exist yet. */
export const newFile = (ending = '.ndjson'): string => path.join(folder, `${(files += 1)}${ending}`);

export const textOf = async (file: string): Promise<string> => {
  const bytes = await readFile(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
};

/** A copy of an export with changed lines. */
export async function altered(file: string, change: (lines: string[]) => readonly string[]): Promise<string> {
  const lines = (await textOf(file)).trimEnd().split('\n');
  const copy = newFile(path.extname(file));
  const text = Buffer.from(`${change(lines).join('\n')}\n`);
  await writeFile(copy, copy.endsWith('.gz') ? gzipSync(text) : text);
  return copy;
}

/** A copy of an export with other events, whose hash is right again, as if they had been in the log. */
export const rehashed = (file: string, change: (event: EventLine, at: number) => EventLine): Promise<string> =>
  altered(file, (lines) => {
    const trailer = JSON.parse(lines.at(-1)!) as Trailer;
    const first = 1 + trailer.keys;
    const events = lines.slice(first, -1).map((line, at) => change(JSON.parse(line) as EventLine, at));
    const hash = createLogHash();
    for (const event of events) hash.add(event, JSON.stringify(event.data), JSON.stringify(event.metadata));
    const { keys, events: count } = trailer;
    const last = { keys, events: count, log_hash: hash.value() };
    return [...lines.slice(0, first), ...events.map((event) => JSON.stringify(event)), JSON.stringify(last)];
  });

/** A new database (and optionally another store) to import a log into, and the program on it. */
export async function emptyPlace(settings: Readonly<Record<string, string>> = {}) {
  const database = await freshDatabase();
  const program = programOn(database.url);
  const run = (args: readonly string[], options: ProgramOptions = {}) =>
    program(args, { ...options, env: { ...settings, ...options.env } });
  return {
    url: database.url,
    settings,
    run,
    /** The parsed answer of a command that must succeed. */
    json: async (...args: string[]): Promise<Json> => {
      const { code, answer, output } = await run([...args, '--json']);
      if (code !== 0) throw new Error(output);
      return JSON.parse(answer);
    },
    drop: () => database.drop(),
  };
}

export type Place = Awaited<ReturnType<typeof emptyPlace>>;

/** A shop with a few people and products. Its streams are interleaved, so the order of the log differs from theirs. */
export async function smallShop(): Promise<World> {
  const world = await openWorld();
  const category = await world.people.category('Books');
  for (const name of ['Sid', 'Una']) {
    const seller = await world.people.seller(name);
    for (const product of ['Quill', 'Ink', 'Paper']) {
      const body = { name: `${product} of ${name}`, price: '10.00', stock: 5, category_id: category };
      await perform('ListProduct', { body }, world.people.as(seller));
    }
  }
  const streams = [newStream(), newStream()];
  for (let turn = -1n; turn < 9n; turn += 1n) {
    for (const stream of streams) await world.shop.store.append(stream, turn, unheard(1));
  }
  return world;
}

/** Every read model, row by row. Without positions, which belong to the store. */
export async function readModels(url: string, settings: Readonly<Record<string, string>> = {}): Promise<Json> {
  const write = await openWriteSide(url, settings);
  try {
    const models: Record<string, unknown> = {};
    for (const { name, table, key, columns } of projections) {
      const wanted = [...Object.keys(columns), 'revision'].map((column) => `"${column}"`).join(', ');
      models[name] = await write.db.rows(`SELECT ${wanted} FROM ${table} ORDER BY "${key}"::text COLLATE "C"`);
    }
    return models;
  } finally {
    await write.close();
  }
}
