import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { skuKey } from '../aggregates/sku.ts';
import { storeDecider } from '../aggregates/store.ts';
import { CommandContext } from '../engine/decide/context.ts';
import { didYouMean, isRefusal, Refusal } from '../errors.ts';
import { freshId } from '../platform/ids.ts';
import type { Shop } from '../compose/shop.ts';
import { createCategories } from './categories.ts';
import { type CsvRecord, csvRecords } from './csv.ts';
import { productOf, productsBySku } from './knownProducts.ts';
import { onShop, operator } from './onShop.ts';
import { count, createProgressBar } from './progressBar.ts';
import { type ContextOf, createReadRow, importRow, type Outcome, type Row, ROW_FIELDS } from './productRow.ts';
import { bold, clean, red } from './text.ts';
import { uuid } from './values.ts';

/** The most rows that are imported at the same time. */
export const ROWS_AT_ONCE = 32;
/** The most products in one file: the import keeps every SKU in memory. */
export const IMPORT_ROWS_MAX = 1_000_000;

interface Options {
  readonly store: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly createCategories?: boolean;
}

export interface Failure {
  readonly line: number;
  readonly reason: string;
}

export interface Summary {
  created: number;
  updated: number;
  unchanged: number;
  failed: number;
}

export interface ImportOptions {
  readonly storeId: string;
  readonly dryRun: boolean;
  readonly createCategories: boolean;
  readonly onFailure: (failure: Failure) => void;
  readonly onRow?: (rows: number) => void;
}

/** Creates and updates a store's products from the records. A refused record is reported and does not stop the others. */
export async function importProducts(
  shop: Shop,
  records: AsyncIterator<CsvRecord>,
  options: ImportOptions,
): Promise<Summary> {
  const header = await readHeader(records);
  const run = await prepare(shop, options);
  const summary: Summary = { created: 0, updated: 0, unchanged: 0, failed: 0 };
  const lines = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let stopped: { error: unknown } | undefined;
  let rows = 0;

  const fail = (line: number, reason: string): void => {
    summary.failed += 1;
    options.onFailure({ line, reason });
  };
  const work = async (line: number, row: Row): Promise<void> => {
    try {
      summary[await run(line, row, lines)] += 1;
    } catch (error) {
      if (!isRefusal(error) || error.kind === 'unavailable') stopped ??= { error };
      else fail(line, error.errors.map(({ message }) => message).join('; ') || error.message);
    }
    options.onRow?.((rows += 1));
  };

  for (let next = await records.next(); next.done !== true && stopped === undefined; next = await records.next()) {
    const row = rowOf(next.value, header);
    if (typeof row === 'string') {
      fail(next.value.line, row);
      continue;
    }
    const task = work(next.value.line, row).finally(() => underWay.delete(task));
    underWay.add(task);
    if (underWay.size >= ROWS_AT_ONCE) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (stopped !== undefined) throw stoppedBy(stopped.error, summary);
  return summary;
}

const stoppedBy = (error: unknown, { created, updated }: Summary): Error =>
  new Error(
    `The import stopped after ${created} created and ${updated} updated products: ` +
      `${error instanceof Error ? error.message : String(error)} Run it again; it goes on where it was.`,
    { cause: error },
  );

async function readHeader(records: AsyncIterator<CsvRecord>): Promise<readonly string[]> {
  const first = await records.next();
  if (first.done === true) throw new Error('The file is empty: its first line must name the columns.');
  if ('problem' in first.value) throw new Error(`Line ${first.value.line}: ${first.value.problem}.`);
  const header = first.value.fields.map((field) => field.trim().toLowerCase());
  const wanted = `The columns are ${ROW_FIELDS.join(', ')}, in any order, separated by commas.`;
  const unknown = header.filter((field) => !(ROW_FIELDS as readonly string[]).includes(field));
  if (unknown.length > 0) {
    const named = unknown.map((name) => `"${clean(name)}"${didYouMean(name, ROW_FIELDS)}`);
    throw new Error(`There is no column ${named.join(', ')}${named.at(-1)!.endsWith('?') ? '' : '.'} ${wanted}`);
  }
  const missing = ROW_FIELDS.filter((field) => !header.includes(field));
  if (missing.length > 0) throw new Error(`The first line does not name ${missing.join(', ')}. ${wanted}`);
  const twice = header.filter((field, index) => header.indexOf(field) !== index);
  if (twice.length > 0) throw new Error(`The first line names ${twice.join(', ')} more than once. ${wanted}`);
  return header;
}

function rowOf(record: CsvRecord, header: readonly string[]): Row | string {
  if ('problem' in record) return record.problem;
  const { fields } = record;
  if (fields.length !== header.length) return `the line has ${fields.length} fields, not ${header.length}`;
  return Object.fromEntries(header.map((name, index) => [name, fields[index] ?? ''])) as Row;
}

const refused = (sentence: string): Refusal => new Refusal('rejected', 'ImportRow', sentence);

type RunRow = (line: number, row: Row, lines: Map<string, number>) => Promise<Outcome>;

/** Prepares what all rows share, and returns the function that imports one row. */
async function prepare(shop: Shop, { storeId, dryRun, createCategories: create }: ImportOptions): Promise<RunRow> {
  const correlationId = freshId();
  const actor = operator();
  const contextOf: ContextOf = (ifMatch) =>
    new CommandContext(
      {
        ...{ id: freshId(), repeatable: false, actor, now: new Date().toISOString(), correlationId },
        ...(ifMatch === undefined ? {} : { ifMatch }),
      },
      shop.services,
    );
  const { state: store } = await contextOf().load(storeDecider, storeId);
  if (store.status !== 'open') throw new Error(`There is no store ${storeId}.`);
  const known = await productsBySku(shop, storeId);
  const categories = createCategories(contextOf, { create, dryRun });
  const readRow = createReadRow(shop.services.settings.currency);
  return async (line, texts, lines) => {
    const row = readRow(texts);
    if (typeof row === 'string') throw refused(row);
    const knownId = productOf(known, row.sku);
    // Two products of an earlier version may have SKUs that differ in their spelling alone: each has a line of its own.
    const what = knownId ?? skuKey(row.sku);
    const earlier = lines.get(what);
    if (earlier !== undefined) throw refused(`sku ${row.sku} is on line ${earlier} already`);
    if (lines.size >= IMPORT_ROWS_MAX) throw refused(`more than ${count(IMPORT_ROWS_MAX)} products: split the file`);
    lines.set(what, line);
    const categoryId = await categories(row.category);
    return importRow(contextOf, row, { storeId, sellerId: store.ownerId, categoryId, knownId, dryRun });
  };
}

/** How many lines the file has, by whichever line end it has more of. */
async function linesIn(file: string): Promise<number> {
  const ends = { 10: 0, 13: 0 };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (const end of [10, 13] as const) {
      for (let at = chunk.indexOf(end); at >= 0; at = chunk.indexOf(end, at + 1)) ends[end] += 1;
    }
  }
  return Math.max(ends[10], ends[13]);
}

export async function mustBeFile(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    throw new Error(`${clean(file)} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`);
  });
  if (!found.isFile()) throw new Error(`${clean(file)} is not a file.`);
}

async function run(file: string, { store: storeId, json = false, dryRun = false, ...more }: Options): Promise<void> {
  await mustBeFile(file);
  const total = await linesIn(file);
  await onShop(async ({ shop }) => {
    const bar = createProgressBar({ label: 'import', unit: 'lines', total, quiet: json });
    const summary = await importProducts(shop, csvRecords(createReadStream(file) as AsyncIterable<Buffer>), {
      ...{ storeId, dryRun, createCategories: more.createCategories ?? false },
      onFailure: ({ line, reason }) =>
        console.log(json ? JSON.stringify({ line, reason }) : `line ${line}: ${red(clean(reason))}`),
      onRow: (rows) => bar.update(rows),
    }).finally(() => bar.stop());
    const { created, updated, unchanged, failed } = summary;
    if (json) console.log(JSON.stringify({ ...summary, dry_run: dryRun }));
    else {
      const what = `${count(created)} created, ${count(updated)} updated, ${count(unchanged)} unchanged, ${count(failed)} failed`;
      console.log(`${bold(what)}${dryRun ? ' (a dry run: nothing was written)' : ''}`);
    }
    if (failed > 0) throw new Error(`${count(failed)} lines were not imported.`);
  });
}

const MORE = `
The first line names the columns ${ROW_FIELDS.join(', ')}, in any order. A product is known again by its
store and SKU, whatever its case; only what differs is changed. "stock" is what is on hand, with what is reserved for orders.
A line that cannot be taken is reported with its number, and stops no other.`;

export function register(program: Command): void {
  program
    .command('import')
    .description('bring things in from files')
    .command('products')
    .description("bring a store's products to what a CSV file says")
    .argument('<file.csv>', 'UTF-8, separated by commas, quoted by "')
    .requiredOption('--store <id>', "the store's id", uuid)
    .option('--create-categories', 'make the categories that are missing')
    .option('--dry-run', 'show what would be done, and change nothing')
    .option('--json', 'one JSON object per line that failed, and one for the summary')
    .addHelpText('after', MORE)
    .action(run);
}
