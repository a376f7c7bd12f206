import { loadConfig, type Config } from '../config/config.ts';
import { armFailpoint } from '../platform/failpoint.ts';
import { createLogger, type Logger } from '../platform/log.ts';
import { openDatabase } from '../platform/postgres/database.ts';

/** What a command that works on the database gets; a server that runs on the same data folder is not disturbed. */
export interface CommandContext {
  readonly config: Config;
  readonly log: Logger;
  readonly url: string;
}

const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The settings and a logger that speaks of trouble only, since what a command has to say is its output. */
export function settings(): { config: Config; log: Logger } {
  const config = loadConfig();
  armFailpoint(config.failpoint);
  return { config, log: createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel) };
}

/**
 * How a command of the `cartulary` program is written: a file here that exports `register(program)` and its line in
 * `cartulary.ts`. Its action returns `onDatabase(async ({ config, log, url }) => …)`, prints its answer by `console.log`,
 * and throws (an Error with one clear sentence, or a Refusal) when it fails; exit code and wording are then seen to.
 */
export async function onDatabase<T>(work: (context: CommandContext) => Promise<T>): Promise<T> {
  const { config, log } = settings();
  const database = await openDatabase(config, log, 'command');
  const signals = Object.entries(SIGNAL_EXIT_CODES) as [NodeJS.Signals, number][];
  const interrupted = signals.map(([signal, code]) => {
    const leave = (): void => void database.close().finally(() => process.exit(code));
    process.once(signal, leave);
    return () => process.off(signal, leave);
  });
  try {
    return await work({ config, log, url: database.url });
  } finally {
    for (const forget of interrupted) forget();
    await database.close();
  }
}
