import { CommanderError } from 'commander';
import { CONFIG_EXIT_CODE, ConfigError, isDebugging } from '../config/config.ts';
import { isRefusal } from '../errors.ts';
import { keepObjectsYoung } from '../platform/heap.ts';
import { UnfitDatabase } from '../platform/postgres/fit.ts';
import { createProgram, FAILED_EXIT_CODE, USAGE_EXIT_CODE } from './program.ts';

/** How long the process waits for open handles after the command has ended, ms. */
const LINGER_MS = 2_000;

/** Prints the error's message and its invalid fields (its stack with LOG_LEVEL=debug) and returns the exit code. */
function failed(error: unknown): number {
  // Commander has already printed its message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  const message = error instanceof Error ? error.message : String(error);
  const fields = isRefusal(error)
    ? error.errors.filter((one) => one.message !== message).map((one) => `\n  ${one.message}`)
    : [];
  console.error(isDebugging() && error instanceof Error ? error.stack : `cartulary: ${message}${fields.join('')}`);
  return error instanceof ConfigError || error instanceof UnfitDatabase ? CONFIG_EXIT_CODE : FAILED_EXIT_CODE;
}

async function run(): Promise<number> {
  try {
    const program = await createProgram(process.argv[2]);
    await program.parseAsync();
    return 0;
  } catch (error) {
    return failed(error);
  }
}

keepObjectsYoung();
process.exitCode = await run();
setTimeout(() => process.exit(), LINGER_MS).unref();
