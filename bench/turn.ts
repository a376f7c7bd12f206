import { runHere } from './benches.ts';
import type { Figures } from './row.ts';

/**
 * One turn of a comparison of two commits: `turn.ts <name> <url of an empty, migrated database> <rounds> [quick]` runs the bench
 * and prints an array of `Figures` as the last line. The runners of other commits call it, so its arguments and its output must
 * not change.
 */
const [name = '', url = '', rounds = '', quick] = process.argv.slice(2);
const rows = await runHere(name, { url, quick: quick === 'quick', rounds: Number(rounds) });
const answer: Figures[] = rows.map(({ id, figures, better }) => ({ id, figures, better }));
process.stdout.write(`\n${JSON.stringify(answer)}\n`, () => process.exit(0));
