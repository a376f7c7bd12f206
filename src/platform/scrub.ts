/** Replaces an address or a number in a text that was not made for the person it is about. */
const REMOVED = '[removed]';

/** A mail address, also percent-encoded or with a quoted name. A domain has a letter: `order-1@12` is a stream at a revision. */
const ADDRESS =
  /(?:"[^"\s]{1,64}"|[^\s<>"'`@,;:/()[\]{}=]+)(?:@|%40)(?:\[[0-9a-fA-F:.]+\]|(?!\d+(?![\w.-]))[^\s<>"'`@,;:/()[\]{}=]+)/g;
/** A phone number in international form, with or without separators. */
const INTERNATIONAL = /(?<![\w+])(?:\+|\(\+)\d(?:[ ()./-]{0,3}\d){6,17}(?!\w)/g;
/** A national number: an area code that begins with 0, or the form 555-123-4567. */
const NATIONAL = /(?<![\w.:+/-])(?:\(0\d{1,5}\)|0[1-9]\d{1,4})(?:[ ()/-]{0,2}\d){5,11}(?![\w:.-])/g;
const GROUPED = /(?<![\w.:+/-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w:-])/g;

/** Longer texts are cut before they are searched. */
const SCRUBBED_CHARACTERS_MAX = 20_000;
/** Shorter values would be found in unrelated words. */
const KNOWN_CHARACTERS_MIN = 4;

/**
 * Removes addresses and phone numbers from a text that another system wrote (a mail server, a payment provider), before it is
 * stored or logged. `known` values are removed in any case, whatever they look like.
 */
export function scrub(text: string, known: readonly string[] = []): string {
  let scrubbed = text.slice(0, SCRUBBED_CHARACTERS_MAX);
  for (const value of known.filter(({ length }) => length >= KNOWN_CHARACTERS_MIN)) {
    scrubbed = scrubbed.replaceAll(new RegExp(escaped(value), 'giu'), REMOVED);
  }
  for (const form of [ADDRESS, INTERNATIONAL, NATIONAL, GROUPED]) scrubbed = scrubbed.replaceAll(form, REMOVED);
  return scrubbed;
}

/** Deepest nesting that is searched; what lies deeper is left out. */
const DEPTH_MAX = 4;

/** A copy of a JSON value with `scrub` applied to every text in it: an error of a mail client lists the recipients it refused. */
export function scrubAll(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) return REMOVED;
  if (Array.isArray(value)) return value.map((inner) => scrubAll(inner, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (depth > 0 && prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, scrubAll(inner, depth + 1)]));
}

const escaped = (value: string): string => value.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
