const RFC_3339 =
  /^(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const LEAP_SECOND = '60';
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** `2026-03-01T12:00:00.000Z`: years before 0 or after 9999 have another form. */
const LENGTH = 24;

/**
 * Parses an instant of RFC 3339, such as `2026-03-01T12:00:00Z` or `2026-03-01T13:00:00.5+01:00`, and returns it as ISO 8601 UTC with
 * milliseconds. Undefined for any other text, and for a day or time that does not exist. A leap second (23:59:60 UTC) is the first
 * moment of the next day, because no clock here counts it.
 */
export function instantOf(text: string): string | undefined {
  const match = RFC_3339.exec(text);
  if (match === null || !isDay(match[1]!)) return undefined;
  const [, day = '', minute = '', second = '', fraction = '', zone = ''] = match;
  const ms =
    second === LEAP_SECOND
      ? afterLeapSecond(Date.parse(`${day}T${minute}:59${zone.toUpperCase()}`))
      : Date.parse(`${day}T${minute}:${second}${fraction}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  const instant = new Date(ms).toISOString();
  return instant.length === LENGTH ? instant : undefined;
}

/** Leap seconds are at the end of a day in UTC, whatever the zone. */
const afterLeapSecond = (msBefore: number): number =>
  (msBefore + SECOND_MS) % DAY_MS === 0 ? msBefore + SECOND_MS : NaN;

/** `Date` takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
