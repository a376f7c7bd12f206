import { Option, type Command } from 'commander';
import { CURRENCY_STREAM, type CurrencyChosen } from '../aggregates/currency.ts';
import type { UserErased } from '../aggregates/userErasure.ts';
import type { HandlersFrom } from '../backup/checkpoints.ts';
import type { EventLine } from '../backup/format.ts';
import { importLog, type ImportResult, type ImportStep } from '../backup/importLog.ts';
import { mustBeExport, type Verified, verifyExport } from '../backup/readExport.ts';
import { otherCurrency } from '../compose/currency.ts';
import { openSecrets } from '../compose/openSecrets.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { findSecrets } from '../platform/secrets.ts';
import { followerNames } from './followers.ts';
import { mustBeFile } from './importProducts.ts';
import { type LogCommand, onLog, tellSecurity } from './onShop.ts';
import { count, createProgressBar, duration, type ProgressBar } from './progressBar.ts';
import { type Spool, spool } from './spool.ts';
import { bold } from './text.ts';

interface Options {
  readonly handlers: HandlersFrom;
  readonly json?: boolean;
}

/** The event that ends a person: their key is not brought. */
const ERASED: UserErased['type'] = 'UserErased';

type OnProgress = (step: ImportStep, done: number, total: number) => void;

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
    stop: (): void => {
      current?.bar.stop();
      current = undefined;
    },
  };
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

/** Refuses an export in another currency than `CURRENCY`. */
const inCurrency =
  (currency: string) =>
  (event: EventLine): void => {
    const theirs = choiceOf(event);
    if (theirs === undefined || theirs === currency) return;
    const reason =
      `is ${currency}, but all amounts in this export are in ${theirs}: import it with CURRENCY=${theirs}, ` +
      'into a log that has no other currency';
    throw new ConfigError([{ name: 'CURRENCY', reason }]);
  };

/** Refuses a `CURRENCY` that is not this log's. */
async function mustBeOwnCurrency({ config, store }: LogCommand): Promise<void> {
  const { currency } = config.shop;
  const [chosen] = await store.read(CURRENCY_STREAM, 0n, 1);
  const own = choiceOf(chosen);
  if (own !== undefined && own !== currency) throw otherCurrency(currency, own);
}

/** Reads a whole export, and throws unless it can be imported with these settings. Opens and makes nothing. */
async function verify(
  { file, name }: { file: string; name: string },
  config: Config,
  onProgress: OnProgress,
): Promise<Omit<Input, 'file'>> {
  await mustBeExport(file, name);
  const erased = new Set<string>();
  const mustBeInCurrency = inCurrency(config.shop.currency);
  const accept = (event: EventLine): void => {
    mustBeInCurrency(event);
    if (event.type === ERASED) erased.add(idOf(event.stream));
  };
  const { masterKey, formerMasterKeys } = await findSecrets(config);
  const verified = await verifyExport(file, {
    ...{ masterKey, formerMasterKeys, apart: CURRENCY_STREAM, accept },
    onProgress: (events) => onProgress('verify', events, 0),
  });
  return { verified, erased };
}

interface Input {
  readonly file: string;
  readonly verified: Verified;
  /** Persons who are erased in the export. */
  readonly erased: ReadonlySet<string>;
}

/** Brings a verified export into the shop, which is made if it is not there. */
async function bring(command: LogCommand, input: Input, options: Options & { onProgress: OnProgress }) {
  const { config, log, url, store, pool } = command;
  await mustBeOwnCurrency(command);
  const { masterKey, formerMasterKeys } = await openSecrets({ config, log, url, mayMake: true });
  return importLog({
    ...{ ...input, store, pool, masterKey, formerMasterKeys, followers: followerNames() },
    ...{ handlers: options.handlers, startStream: CURRENCY_STREAM, onProgress: options.onProgress },
  });
}

async function run(given: string, options: Options): Promise<void> {
  const { json = false } = options;
  if (given !== '-') await mustBeFile(given);
  const beganAt = performance.now();
  const { onProgress, stop } = progress(json);
  let copy: Spool | undefined;
  let input: Input | undefined;
  // Before anything is opened, so that an export that cannot be imported makes no shop.
  const check = async (config: Config): Promise<void> => {
    copy = given === '-' ? await spool(process.stdin) : undefined;
    const file = copy?.file ?? given;
    input = { file, ...(await verify({ file, name: given === '-' ? 'stdin' : given }, config, onProgress)) };
  };
  try {
    await onLog(
      async (command) => {
        const result = await bring(command, input!, { ...options, onProgress }).finally(stop);
        tellSecurity(command.log, 'import of a log', { events: result.events - result.known, keys: result.keys });
        if (json) console.log(JSON.stringify(result));
        else tell(result, (performance.now() - beganAt) / 1_000);
      },
      { makesShop: true, alone: 'Events are not imported beside a running shop', check },
    );
  } finally {
    stop();
    copy?.remove();
  }
}

const MORE = `
The export is read to its end and verified before anything is made or changed; stdin is kept in a private
file in TMPDIR for that. The log must be empty or hold a
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
