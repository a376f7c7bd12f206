import type { Command } from 'commander';
import { projectionNames, projections } from '../projections/index.ts';
import type { Projection } from '../engine/project/projection.ts';
import type { RebuildProgress } from '../engine/rebuild/build.ts';
import { rebuild, type RebuildResult } from '../engine/rebuild/rebuild.ts';
import { didYouMean } from '../errors.ts';
import { onLog, type LogCommand } from './onShop.ts';
import { count, createProgressBar, duration } from './progressBar.ts';
import { bold, clean, red } from './text.ts';

interface Options {
  readonly all?: boolean;
  readonly json?: boolean;
}

const known = (): string => projectionNames.join(', ');

function chosen(names: readonly string[], all: boolean): readonly Projection[] {
  if (all) return projections;
  const unknown = names.filter((name) => !projections.some((projection) => projection.name === name));
  if (unknown.length > 0) {
    const named = unknown.map((name) => `${clean(name)}${didYouMean(name, projectionNames)}`);
    throw new Error(
      `There is no projection ${named.join(', ')}${named.at(-1)!.endsWith('?') ? '' : '.'} There are: ${known()}.`,
    );
  }
  return [...new Set(names)].flatMap((name) => projections.find((projection) => projection.name === name) ?? []);
}

/** Rebuilds one projection from the first event; returns the result or the error. */
async function one(
  projection: Projection,
  { url, store, log }: LogCommand,
  quiet: boolean,
): Promise<RebuildResult | Error> {
  const bar = createProgressBar({
    label: projection.name,
    unit: store.contiguous ? 'events' : 'positions',
    total: 0,
    quiet,
  });
  try {
    let end = 0;
    const onProgress = ({ done, total }: RebuildProgress): void => bar.update(Number(done), (end = Number(total)));
    const result = await rebuild({ url, store, projection, log, onProgress });
    bar.update(end);
    return result;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    bar.stop();
  }
}

function tell(name: string, result: RebuildResult | Error): void {
  if (result instanceof Error) {
    console.log(`${bold(name)}: ${red('not rebuilt')}: ${clean(result.message)}`);
    return;
  }
  const { rows, events, seconds, differences, parked } = result;
  const rate = count(events / Math.max(seconds, 0.001));
  console.log(
    `${bold(name)}: ${count(rows)} rows from ${count(events)} events in ${duration(seconds)} (${rate} events/s)`,
  );
  if (differences > 0) {
    console.log(
      red(`${name}: ${count(differences)} ROWS DIFFERED: the old table did not match the log; the new one does.`),
    );
  }
  if (parked > 0) {
    console.log(
      red(
        `${name}: ${count(parked)} events are parked: see "cartulary dead-letters list --consumer projection:${name}".`,
      ),
    );
  }
}

async function run(names: readonly string[], { all = false, json = false }: Options): Promise<void> {
  const wanted = chosen(names, all);
  await onLog(async (context) => {
    let failed = 0;
    for (const projection of wanted) {
      const result = await one(projection, context, json);
      if (result instanceof Error) failed += 1;
      const told = result instanceof Error ? { error: result.message } : result;
      if (json) console.log(JSON.stringify({ projection: projection.name, ...told }));
      else tell(projection.name, result);
    }
    if (failed > 0) throw new Error(`${failed} of ${wanted.length} projections could not be rebuilt.`);
  });
}

export function register(program: Command): void {
  const command = program
    .command('rebuild')
    .description('rebuild read models from the log, while the old ones go on serving')
    .argument('[name...]', `which: ${known()}`)
    .option('--all', 'every one of them')
    .option('--json', 'one JSON object per projection');
  command.action(async (names: readonly string[], options: Options) => {
    if (names.length > 0 === (options.all === true)) command.error('error: name projections, or give --all');
    await run(names, options);
  });
}
