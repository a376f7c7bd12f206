#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { CONFIG_EXIT_CODE, ConfigError, isDebugging } from '../config.ts';
import { isRefusal } from '../errors.ts';
import { register as admin } from './admin.ts';
import { register as audit } from './audit.ts';
import { register as deadLetters } from './deadLetters.ts';
import { register as events } from './events.ts';
import { register as exportEvents } from './exportEvents.ts';
import { register as handlers } from './handlers.ts';
import { register as importEvents } from './importEvents.ts';
import { register as importProducts } from './importProducts.ts';
import { register as migrate } from './migrate.ts';
import { version } from './package.ts';
import { register as projections } from './projections.ts';
import { register as rebuild } from './rebuild.ts';
import { register as seed } from './seed.ts';
import { register as serve } from './serve.ts';

const COMMANDS = [
  serve,
  migrate,
  rebuild,
  projections,
  audit,
  deadLetters,
  admin,
  importProducts,
  importEvents,
  exportEvents,
  handlers,
  events,
  seed,
];

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
  for (const register of COMMANDS) register(program);
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    return failed(error);
  }
}

process.exitCode = await run();
setTimeout(() => process.exit(), LINGER_MS).unref();
