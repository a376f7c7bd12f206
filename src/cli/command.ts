import { loadConfig, remarksOnSettings, type Config } from '../config/config.ts';
import { armFailpoint } from '../platform/failpoint.ts';
import { createLogger, type Logger } from '../platform/log.ts';
import { type Database, findDatabase, openDatabase } from '../platform/postgres/database.ts';

/** The tools that `onDatabase` passes to a command. A server that runs on the same data folder is not disturbed. */
export interface CommandContext {
  readonly config: Config;
  readonly log: Logger;
  readonly url: string;
}

const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface CommandOptions {
  /** Whether the command makes a shop where there is none. Any other refuses, so that a mistyped folder is found out. */
  readonly makesShop?: boolean;
  /** Throws when the command cannot succeed with what it was given. Called before a shop is looked for or made. */
  readonly check?: (config: Config) => Promise<void>;
}

/** The settings and a logger. At level `info` it logs only warnings and errors, because a command prints its results itself. */
function settings(): { config: Config; log: Logger } {
  const config = loadConfig();
  armFailpoint(config.failpoint);
  const log = createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel);
  for (const remark of remarksOnSettings()) log.warn(remark);
  return { config, log };
}

/**
 * Runs a command on the shop's database and closes it afterwards. Where there is no shop, it is refused unless it makes one.
 * To add a command to the `cartulary` program, write a file here that exports `register(program)`, and add its line to
 * `program.ts`. Its action returns `onDatabase(async ({ config, log, url }) => …)` and prints its result with `console.log`.
 * When it fails, it throws an Error with one clear sentence, or a Refusal; `cartulary.ts` prints that and sets the exit code.
 */
export async function onDatabase<T>(
  work: (context: CommandContext) => Promise<T>,
  { makesShop = false, check }: CommandOptions = {},
): Promise<T> {
  const { config, log } = settings();
  let database: Database | undefined;
  const close = async (): Promise<void> => database?.close();
  const signals = Object.entries(SIGNAL_EXIT_CODES) as [NodeJS.Signals, number][];
  const interrupted = signals.map(([signal, code]) => {
    const leave = (): void => void close().finally(() => process.exit(code));
    process.once(signal, leave);
    return () => process.off(signal, leave);
  });
  try {
    await check?.(config);
    database = await (makesShop ? openDatabase(config, log, 'command') : findDatabase(config, log));
    return await work({ config, log, url: database.url });
  } finally {
    for (const forget of interrupted) forget();
    await close();
  }
}
