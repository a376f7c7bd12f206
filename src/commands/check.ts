import { type FieldError, isRefusal, Refusal } from '../errors.ts';

/** Runs all checks of a body and refuses what all of them refuse, in one answer. */
export function everyFault(...checks: readonly (() => void)[]): void {
  const errors: FieldError[] = [];
  for (const check of checks) {
    try {
      check();
    } catch (error) {
      if (!isRefusal(error) || error.kind !== 'invalid') throw error;
      errors.push(...error.errors);
    }
  }
  if (errors.length === 0) return;
  throw new Refusal('invalid', 'InvalidInput', errors[0]!.message, { errors });
}
