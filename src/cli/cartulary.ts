import { Command, CommanderError } from 'commander';
import { CONFIG_EXIT_CODE, ConfigError, isDebugging } from '../config/config.ts';
import { isRefusal } from '../errors.ts';
import { version } from '../platform/version.ts';

interface CommandModule {
  readonly register: (program: Command) => void;
}

/** By the first word of the command line; a command is loaded only when it is meant, since most load the whole shop. */
const COMMANDS: Readonly<Record<string, readonly (() => Promise<CommandModule>)[]>> = {
  serve: [() => import('./serve.ts')],
  migrate: [() => import('./migrate.ts')],
  rebuild: [() => import('./rebuild.ts')],
  projections: [() => import('./projections.ts')],
  audit: [() => import('./audit.ts')],
  'dead-letters': [() => import('./deadLetters.ts')],
  admin: [() => import('./admin.ts')],
  import: [() => import('./importProducts.ts'), () => import('./importEvents.ts')],
  export: [() => import('./exportEvents.ts')],
  handlers: [() => import('./handlers.ts')],
  events: [() => import('./events.ts')],
  seed: [() => import('./seed.ts')],
};

const VERSION_FLAGS = ['-V', '--version'];

/** That of the command meant; of all of them when none is, as for help. */
async function modulesFor(word: string | undefined): Promise<CommandModule[]> {
  if (word !== undefined && VERSION_FLAGS.includes(word)) return [];
  const meant = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word]! : Object.values(COMMANDS).flat();
  return Promise.all(meant.map((load) => load()));
}

const FAILED_EXIT_CODE = 1;
const USAGE_EXIT_CODE = 2;
/** What is still open after a command's end is not waited for longer than this. */
const LINGER_MS = 2_000;

/** Prints what went wrong in one clear line (the stack with LOG_LEVEL=debug) and answers the exit code. */
function failed(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  const message = error instanceof Error ? error.message : String(error);
  const fields = isRefusal(error)
    ? error.errors.map(({ field = '', message: reason }) => `\n  ${field} ${reason}`)
    : [];
  console.error(isDebugging() && error instanceof Error ? error.stack : `cartulary: ${message}${fields.join('')}`);
  return error instanceof ConfigError ? CONFIG_EXIT_CODE : FAILED_EXIT_CODE;
}

async function run(): Promise<number> {
  const program = new Command('cartulary')
    .description('An event-sourced shop: run it and look after it.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(see cartulary --help)');
  try {
    for (const { register } of await modulesFor(process.argv[2])) register(program);
    await program.parseAsync();
    return 0;
  } catch (error) {
    return failed(error);
  }
}

process.exitCode = await run();
setTimeout(() => process.exit(), LINGER_MS).unref();
