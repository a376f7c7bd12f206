import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BenchOptions, BenchRow } from './row.ts';

/** Runs one bench in a process of its own and prints its rows as the last line: `one.ts <name> <url> [quick]`. */
const [name = '', url = '', quick] = process.argv.slice(2);
const file = pathToFileURL(path.join(import.meta.dirname, `${name}${path.extname(import.meta.filename)}`)).href;
const bench = (await import(file)) as { run(options: BenchOptions): Promise<BenchRow[]> };
const rows = await bench.run({ url, quick: quick === 'quick' });
process.stdout.write(`\n${JSON.stringify(rows)}\n`, () => process.exit(0));
