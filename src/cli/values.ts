import { InvalidArgumentError } from 'commander';
import { uuidOf } from '../platform/ids.ts';
import { instantOf } from '../platform/instant.ts';
import { positionOf } from '../platform/position.ts';

const DAY = /^\d{4}-\d\d-\d\d$/;
const WITHOUT_SECONDS = /^(\S{10}T\d\d:\d\d)(Z|[+-]\d\d:\d\d)$/;

/** Parses an id; throws Commander's usage error when it is not a UUID. */
export function uuid(text: string): string {
  const id = uuidOf(text);
  if (id === undefined)
    throw new InvalidArgumentError('It must be an id such as 0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e05.');
  return id;
}

export const uuids = (text: string, before: readonly string[] = []): readonly string[] => [...before, uuid(text)];

/** Parses an instant, also without seconds, or a day (its first moment in UTC), and returns it as ISO 8601 UTC. */
export function instant(text: string): string {
  const moment = instantOf(DAY.test(text) ? `${text}T00:00:00Z` : text.replace(WITHOUT_SECONDS, '$1:00$2'));
  if (moment === undefined) {
    throw new InvalidArgumentError('It must be a moment with its zone, such as 2026-03-01T12:00:00Z, or a day.');
  }
  return moment;
}

/** Parses a position of the log, from 1 on. */
export function position(text: string): bigint {
  const value = positionOf(text) ?? 0n;
  if (value < 1n)
    throw new InvalidArgumentError('It must be a position of the log: a whole number from 1, such as 42.');
  return value;
}

/** A text that says something; throws Commander's usage error for an empty one. */
export function words(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Parses a whole number from `min` to `max`. */
export const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`It must be a whole number from ${min}${max < 1e15 ? ` to ${max}` : ''}.`);
    }
    return value;
  };
