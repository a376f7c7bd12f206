import type { Answer } from '../engine/decide/command.ts';
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

/** Runs a command after the API's check of its body. The actor of `context` is trusted: access is not checked. */
export async function perform(
  context: CommandContext,
  name: string,
  { params = {}, body = {} }: { params?: Record<string, string>; body?: Record<string, unknown> },
): Promise<Answer> {
  const { contract, check } = contractOf(name);
  const errors = check(body);
  if (errors.length > 0) throw new Refusal('invalid', 'InvalidInput', `The input of ${name} is not valid:`, { errors });
  return contract.run({ params, body }, context);
}
