import type { Answer } from '../engine/decide/command.ts';
import { carryOut } from '../engine/decide/carryOut.ts';
import type { CommandContext, CommandContract } from '../commands/contract.ts';
import { commands } from '../commands/index.ts';
import { Refusal } from '../errors.ts';
import { bodyCheck, type Check } from '../http/api/validate.ts';

const known = new Map<string, { contract: CommandContract; check: Check }>();

function contractOf(name: string) {
  const found = known.get(name);
  if (found !== undefined) return found;
  const contract = commands.find((one) => one.name === name);
  if (contract === undefined) throw new Error(`There is no command ${name}.`);
  const made = { contract, check: bodyCheck(contract.body) };
  known.set(name, made);
  return made;
}

/**
 * Runs a command after the API's check of its body, as the command of `context`. Its actor is trusted: access is not checked. When
 * the command has an effect but no answer, the error is that of the answer; a repeat with the same id finds the effect.
 */
export async function perform(
  context: CommandContext,
  name: string,
  { params = {}, body = {} }: { params?: Record<string, string>; body?: Record<string, unknown> },
): Promise<Answer> {
  const { contract, check } = contractOf(name);
  const errors = check(body);
  if (errors.length > 0) throw new Refusal('invalid', 'InvalidInput', `The input of ${name} is not valid:`, { errors });
  const { origin, services } = context;
  const run = (own: CommandContext): Promise<Answer> => contract.run({ params, body }, own);
  const carried = await carryOut({ origin, services, run, resumable: contract.unrepeatable !== true });
  if (carried.kind === 'answered') return carried.answer;
  throw carried.error;
}
