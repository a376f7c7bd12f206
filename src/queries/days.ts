import { invalid } from '../errors.ts';
import { instantOf } from '../platform/instant.ts';

/** A day of a calendar in a time zone, as the instants between which it lies. Most last 24 hours; some 23 or 25. */
export interface Day {
  /** `2026-03-29` */
  readonly date: string;
  readonly begins: string;
  /** Exclusive. */
  readonly ends: string;
}

/** The days of one question, at most. */
export const DAYS_MAX = 366;
/** The days of a question that names none: today and those before it. */
const DAYS_DEFAULT = 30;
const DAY_MS = 86_400_000;
/** Where a day can begin: time zones are apart from UTC by a multiple of this, at most by `OFFSET_MAX_MS`. */
const STEP_MS = 15 * 60_000;
const OFFSET_MAX_MS = 15 * 3_600_000;
const DATE = /^\d{4}-\d\d-\d\d$/;
/** Earlier, time zones were apart by odd minutes. */
const YEARS = { first: 2000, last: 2100 };

type DateOf = (ms: number) => string;

/** The date of an instant in a time zone. Refuses a name that is no time zone. */
export function dateIn(timeZone: string): DateOf {
  let format: Intl.DateTimeFormat;
  try {
    const fields = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    format = new Intl.DateTimeFormat('en', { timeZone, calendar: 'gregory', numberingSystem: 'latn', ...fields });
  } catch {
    return invalid('time_zone', 'must be the name of a time zone in the IANA database, such as Europe/Berlin');
  }
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    return `${parts.get('year')!.padStart(4, '0')}-${parts.get('month')}-${parts.get('day')}`;
  };
}

const dayAfter = (date: string, days = 1): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The first instant of a date: midnight, or later where the clocks were put forward then. */
function beginningOf(date: string, dateOf: DateOf): number {
  const utc = Date.parse(`${date}T00:00:00Z`);
  let [before, from] = [-OFFSET_MAX_MS / STEP_MS, OFFSET_MAX_MS / STEP_MS];
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (dateOf(utc + middle * STEP_MS) >= date) from = middle;
    else before = middle;
  }
  return utc + from * STEP_MS;
}

/** The date that a text names: itself, or that of its instant. */
function dateNamed(field: string, text: string, dateOf: DateOf): string {
  const instant = instantOf(DATE.test(text) ? `${text}T00:00:00Z` : text);
  const date = instant === undefined ? undefined : DATE.test(text) ? text : dateOf(Date.parse(instant));
  const year = Number(date?.slice(0, 4));
  if (date !== undefined && year >= YEARS.first && year <= YEARS.last) return date;
  return invalid(
    field,
    `must be a day such as 2026-03-29, or an instant, of the years ${YEARS.first} to ${YEARS.last}`,
  );
}

export interface DaysAsked {
  readonly from?: string;
  readonly to?: string;
  readonly time_zone: string;
}

/** The days from one to another, both included, in a time zone. */
export function daysOf({ from, to, time_zone: timeZone }: DaysAsked, now: string): readonly Day[] {
  const dateOf = dateIn(timeZone);
  const last = to === undefined ? undefined : dateNamed('to', to, dateOf);
  const first = from === undefined ? undefined : dateNamed('from', from, dateOf);
  const today = dateOf(Date.parse(now));
  const end = last ?? (first !== undefined && first > today ? first : today);
  const begin = first ?? dayAfter(end, 1 - DAYS_DEFAULT);
  if (begin > end) return invalid('to', 'must not be before `from`');
  const count = (Date.parse(end) - Date.parse(begin)) / DAY_MS + 1;
  if (count > DAYS_MAX) return invalid('to', `must be at most ${DAYS_MAX} days after \`from\``);
  const dates = Array.from({ length: count }, (_, index) => dayAfter(begin, index));
  const bounds = [...dates, dayAfter(end)].map((date) => new Date(beginningOf(date, dateOf)).toISOString());
  return dates.map((date, index) => ({ date, begins: bounds[index]!, ends: bounds[index + 1]! }));
}
