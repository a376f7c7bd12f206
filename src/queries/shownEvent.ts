import { ERASED, subjectOf } from '../eventstore/sealing.ts';
import { SEALED_FIELDS } from '../aggregates/sealed.ts';

/** Replaces a person's text, which the browser of events never opens. */
export const SEALED = '[sealed]';
/** Replaces what could be used, or guessed from, by a reader: tokens and hashes, also those that are not sealed. */
export const SECRET = '[secret]';

const SECRET_NAME = /(hash(es)?|secret|token|password|codes?)$/i;

/** The persons whose sealed text the data of an event holds. */
export function subjectsIn(data: unknown): string[] {
  const subject = subjectOf(data);
  if (subject !== undefined) return [subject];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(subjectsIn) : [];
}

/**
 * The data of an event as an administrator may see it. A sealed text stays closed; one of a person without a key reads `[erased]`.
 * Fields that are sealed today hold plain text in older events: that is a person's text too.
 */
export function shownData(
  { type, data }: { readonly type: string; readonly data: object },
  isErased: (subject: string) => boolean,
): Record<string, unknown> {
  const sealed: object = Object.hasOwn(SEALED_FIELDS, type) ? SEALED_FIELDS[type as keyof typeof SEALED_FIELDS] : {};
  const closed = (subject: string | undefined): string =>
    subject !== undefined && isErased(subject) ? ERASED : SEALED;
  const shown = (name: string, value: unknown): unknown => {
    if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
    const subject = subjectOf(value);
    if (subject !== undefined) return closed(subject);
    if (SECRET_NAME.test(name)) return SECRET;
    if (Array.isArray(value)) return value.map((one) => shown(name, one));
    return typeof value === 'object' ? fieldsOf(value) : value;
  };
  const fieldsOf = (value: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(name, one)]));
  return Object.fromEntries(
    Object.entries(data).map(([name, value]: [string, unknown]) => {
      if (SECRET_NAME.test(name) || !Object.hasOwn(sealed, name) || value === null) return [name, shown(name, value)];
      return [name, closed(subjectOf(value))];
    }),
  );
}
