import { existsSync } from 'node:fs';
import path from 'node:path';
import { freshDatabase } from '../../test/support/database.ts';
import { BENCHES, runApart } from '../benches.ts';
import type { Figures } from '../row.ts';
import { edit, olderTurn, takesTurns } from './older.ts';
import { report, type Compared } from './report.ts';
import { compareBench, isWorse, type Side, type Sides } from './rounds.ts';
import { checkOut, commitOf, compileAll, copyToday, install, migrate, toldOfToday } from './tree.ts';

export interface Comparison {
  /** Names the other commit. */
  readonly commit: string;
  readonly names: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
}

function sideOf(root: string, quick: boolean): Side {
  const older = !takesTurns(root);
  if (older) edit(root);
  install(root);
  compileAll(root);
  return {
    has: (bench) => existsSync(path.join(root, `bench/${bench}.ts`)),
    async turn(bench) {
      const database = await freshDatabase({ migrated: false });
      try {
        migrate(root, database.url);
        if (older) return await olderTurn(root, bench, { url: database.url, quick });
        const args = [database.url, String(BENCHES[bench]!.roundsPerTurn), ...(quick ? ['quick'] : [])];
        return (await runApart({ root, main: 'turn', bench, args })) as Figures[];
      } finally {
        await database.drop();
      }
    },
  };
}

/**
 * Compares this tree with another commit, row by row, on the available servers. Each side is built in its own folder, and each turn
 * runs in its own process on a new database. Resolves to true if all turns succeeded and no row is worse than its noise.
 */
export async function against({ commit, names, rounds, quick }: Comparison): Promise<boolean> {
  const hash = commitOf(commit);
  const short = hash.slice(0, 7);
  console.log(`This tree is ${toldOfToday()}; building it, and ${short}, in folders of their own`);
  const sides: Sides = { today: sideOf(copyToday(), quick), other: sideOf(checkOut(hash), quick) };
  const compared: Compared[] = [];
  const alone = names.filter((name) => !sides.other.has(name));
  const failed: string[] = [];
  for (const name of names.filter((one) => sides.other.has(one))) {
    try {
      const outcome = await compareBench(sides, name, rounds);
      compared.push(...outcome.compared);
      alone.push(...outcome.alone);
    } catch (error) {
      failed.push(name);
      console.error(error);
    }
  }
  const worse = compared.filter(isWorse);
  console.log(`\n${report(compared, short)}\n`);
  if (alone.length > 0) console.log(`Not compared, for one side alone has it: ${alone.join(', ')}`);
  console.log(`${compared.length} rows, ${worse.length} worse than their noise, ${failed.length} benches failed`);
  return worse.length === 0 && failed.length === 0;
}
