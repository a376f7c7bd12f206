import { runHere } from './benches.ts';

/** Runs one bench in a process of its own and prints its rows as the last line: `one.ts <name> <url> [quick]`. */
const [name = '', url = '', quick] = process.argv.slice(2);
const rows = await runHere(name, { url, quick: quick === 'quick' });
process.stdout.write(`\n${JSON.stringify(rows)}\n`, () => process.exit(0));
