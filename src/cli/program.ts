import { Command } from 'commander';
import { version } from '../platform/version.ts';

export const FAILED_EXIT_CODE = 1;
export const USAGE_EXIT_CODE = 2;

interface CommandModule {
  readonly register: (program: Command) => void;
}

/** Modules by the first word of the command line. Only the named command is loaded, because most load the whole shop. */
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
  keys: [() => import('./keys.ts')],
  pictures: [() => import('./pictures.ts')],
  seed: [() => import('./seed.ts')],
};

const VERSION_FLAGS = ['-V', '--version'];

/** Loads the modules of the named command, or of all commands when none is named, as for help. */
async function modulesFor(word: string | undefined): Promise<CommandModule[]> {
  if (word !== undefined && VERSION_FLAGS.includes(word)) return [];
  const meant = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word]! : Object.values(COMMANDS).flat();
  return Promise.all(meant.map((load) => load()));
}

/** The program with the command that `word` names; with every command when it names none. */
export async function createProgram(word?: string): Promise<Command> {
  const program = new Command('cartulary')
    .description('An event-sourced shop: run it and look after it.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(see cartulary --help)');
  for (const { register } of await modulesFor(word)) register(program);
  return program;
}
