import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import { CURRENCY_STREAM, type CurrencyChosen } from '../aggregates/currency.ts';
import type { HandlersFrom } from '../backup/checkpoints.ts';
import type { EventLine } from '../backup/format.ts';
import { importLog, type ImportResult, type ImportStep } from '../backup/importLog.ts';
import { mustBeExport } from '../backup/readExport.ts';
import { otherCurrency } from '../compose/currency.ts';
import { openSecrets } from '../compose/openSecrets.ts';
import { ConfigError } from '../config/config.ts';
import { followerNames } from './followers.ts';
import { mustBeFile } from './importProducts.ts';
import { type LogCommand, onLog } from './onShop.ts';
import { count, createProgressBar, duration, type ProgressBar } from './progressBar.ts';
import { bold } from './text.ts';

interface Options {
  readonly handlers: HandlersFrom;
  readonly json?: boolean;
}

/** Shows one progress bar per step, one after the other. */
function progress(quiet: boolean) {
  let current: { readonly step: ImportStep; readonly bar: ProgressBar } | undefined;
  return {
    onProgress: (step: ImportStep, done: number, total: number): void => {
      if (current?.step !== step) {
        current?.bar.stop();
        current = { step, bar: createProgressBar({ label: step, unit: 'events', total, quiet }) };
      }
      current.bar.update(done, total);
    },
    stop: () => current?.bar.stop(),
  };
}

/** Copies stdin to a file first: an export is read and verified to its end before any of it is used. */
async function withFile<T>(file: string, work: (file: string) => Promise<T>): Promise<T> {
  if (file !== '-') {
    await mustBeFile(file);
    return work(file);
  }
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cartulary-import-'));
  try {
    const kept = path.join(folder, 'export.ndjson');
    await pipeline(process.stdin, createWriteStream(kept, { mode: 0o600 }));
    return await work(kept);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tell(result: ImportResult, seconds: number): void {
  const { events, known, keys, erased, log_hash: hash, handlers } = result;
  const added = events - known;
  const what =
    added === 0 ? 'Nothing to bring' : `${count(added)} events and ${count(keys)} keys brought in ${duration(seconds)}`;
  console.log(`${bold(what)}; ${count(events)} are there, log hash ${hash}`);
  if (erased > 0) console.log(`${count(erased)} persons have been erased here since the export, and stay erased.`);
  if (handlers === 'from-here')
    console.log('Handlers go on after the last of these events: nothing is paid or mailed again.');
  if (handlers === 'replay')
    console.log('Handlers will handle all of it AGAIN when a shop is started: charges and mails included.');
  if (handlers !== undefined) console.log('Now rebuild the read models: cartulary rebuild --all');
}

const choiceOf = (event: Pick<EventLine, 'stream' | 'data'> | undefined): string | undefined =>
  event?.stream === CURRENCY_STREAM ? (event.data as Partial<CurrencyChosen['data']>).currency : undefined;

/** Refuses an export in another currency than `CURRENCY`, and a `CURRENCY` that is not this log's. */
async function currencyCheck({ config, store }: LogCommand): Promise<(event: EventLine) => void> {
  const { currency } = config.shop;
  const [chosen] = await store.read(CURRENCY_STREAM, 0n, 1);
  const own = choiceOf(chosen);
  if (own !== undefined && own !== currency) throw otherCurrency(currency, own);
  return (event) => {
    const theirs = choiceOf(event);
    if (theirs === undefined || theirs === currency) return;
    throw new ConfigError([
      {
        name: 'CURRENCY',
        reason: `is ${currency}, but all amounts in this export are in ${theirs}: import it with CURRENCY=${theirs}${own === undefined ? '' : ', into a log of its own'}`,
      },
    ]);
  };
}

async function run(given: string, { handlers, json = false }: Options): Promise<void> {
  await withFile(given, async (file) => {
    // Before anything is opened, so that a wrong file makes no shop.
    await mustBeExport(file);
    await onLog(
      async (command) => {
        const { config, log, url, store, pool } = command;
        const beganAt = performance.now();
        const accept = await currencyCheck(command);
        const { masterKey, formerMasterKeys } = await openSecrets({ config, log, url, mayMake: true });
        const { onProgress, stop } = progress(json);
        const followers = followerNames();
        const result = await importLog({
          ...{ file, store, pool, masterKey, formerMasterKeys, followers, handlers, accept, onProgress },
          startStream: CURRENCY_STREAM,
        }).finally(stop);
        if (json) console.log(JSON.stringify(result));
        else tell(result, (performance.now() - beganAt) / 1_000);
      },
      { makesShop: true, alone: 'Events are not imported beside a running shop' },
    );
  });
}

const MORE = `
The export is read to its end and verified before anything is changed. The log must be empty or hold a
beginning of it: cut off half way, the same command goes on where it was. No shop may run meanwhile.
CURRENCY must be that of the export.`;

export function register(program: Command): void {
  const parent = program.commands.find((one) => one.name() === 'import');
  if (parent === undefined) throw new Error('"import products" is registered first');
  parent
    .command('events')
    .description('bring an export of a log into this one')
    .argument('<file>', 'made by "cartulary export", packed or not; "-" is stdin')
    .addOption(
      new Option('--handlers <from>', 'from-here: handle only what comes from now on; replay: handle all of it again')
        .choices(['from-here', 'replay'])
        .default('from-here'),
    )
    .option('--json', 'what came of it as one JSON object')
    .addHelpText('after', MORE)
    .action(run);
}
