import { InvalidArgumentError } from 'commander';
import { positionOf } from '../platform/position.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A day (meaning its first moment in UTC) or an instant with its time zone. */
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Parses an id; throws Commander's usage error when it is not a UUID. */
export function uuid(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('It must be a UUID.');
  return text.toLowerCase();
}

export const uuids = (text: string, before: readonly string[] = []): readonly string[] => [...before, uuid(text)];

/** Parses an instant and returns it as ISO 8601 UTC. */
export function instant(text: string): string {
  const moment = INSTANT.test(text) ? new Date(text) : new Date(NaN);
  if (Number.isNaN(moment.getTime())) {
    throw new InvalidArgumentError('It must be a moment with its zone, such as 2026-03-01T12:00:00Z, or a day.');
  }
  return moment.toISOString();
}

/** Parses a position of the log, from 1 on. */
export function position(text: string): bigint {
  const value = positionOf(text) ?? 0n;
  if (value < 1n) throw new InvalidArgumentError('It must be a position of the log: a whole number from 1.');
  return value;
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
