import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invalid } from '../../errors.ts';
import type { Actor } from '../decide/context.ts';

/** The longest cursor that is read. A sort key is a name at most, so those that are given out are far shorter. */
export const CURSOR_CHARS_MAX = 4_000;
/** A cursor of another form is refused, and its list has to be begun again. */
const FORM = 1;
const KEY_BYTES = 32;
const MAC_BYTES = 16;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** Arguments that say which page is wanted. All others say which list. */
const PAGE_ARGUMENTS = new Set(['page', 'per_page', 'cursor']);

/** A place in a list: after one of its rows, which may have changed or gone since. */
export interface Place {
  /** The sort keys of that row, as Postgres' text of them; null where the row has none. */
  readonly keys: readonly (string | null)[];
  /** How many rows come before the place. */
  readonly before: number;
  /** The list was found to have more rows than are counted. */
  readonly uncounted: boolean;
}

/** Turns places in one list, as one caller sees it, into text and back. */
export interface Cursors {
  /** `order` describes the sort keys. */
  seal(order: string, place: Place): string;
  /** Refuses a text that `seal` has not made for this list, this order and this caller. */
  open(order: string, cursor: string): Place;
}

const sorted = (fields: object): unknown[] =>
  Object.entries(fields)
    .filter(([name, value]) => !PAGE_ARGUMENTS.has(name) && value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));

interface Asked {
  readonly query: { readonly name: string; readonly access: string | readonly string[] };
  readonly input: { readonly params: object; readonly query: object };
  readonly actor: Actor;
}

/** The list that a cursor belongs to. A list for anyone is the same for every caller, so that its pages can be cached. */
const listOf = ({ query: { name, access }, input, actor }: Asked): string =>
  JSON.stringify([
    name,
    sorted(input.params),
    sorted(input.query),
    ...(access === 'anyone' ? [] : [actor.id, actor.role]),
  ]);

const refuse = (): never =>
  invalid(
    'cursor',
    'must be the `next` of a page of this list, with the same filters, the same order and your account',
  );

/** The payload in a cursor, if the seal on it is right. Each payload has one text: other texts of the same bytes are refused. */
function payloadOf(cursor: string, macOf: (payload: Buffer) => Buffer): Buffer | undefined {
  if (cursor.length > CURSOR_CHARS_MAX || !BASE64URL.test(cursor)) return undefined;
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.length <= MAC_BYTES || bytes.toString('base64url') !== cursor) return undefined;
  const payload = bytes.subarray(MAC_BYTES);
  return timingSafeEqual(macOf(payload), bytes.subarray(0, MAC_BYTES)) ? payload : undefined;
}

type Payload = readonly [form: number, before: number, uncounted: 0 | 1, ...keys: (string | null)[]];

/** Makes the cursors of the list that a caller asks for. Processes with the same key accept each other's. */
export function createCursors(key: Buffer = randomBytes(KEY_BYTES)): (asked: Asked) => Cursors {
  return (asked) => {
    let list: string | undefined;
    const macOf = (order: string, payload: Buffer): Buffer => {
      const about = JSON.stringify(['cursor', (list ??= listOf(asked)), order]);
      return createHmac('sha256', key).update(about).update(payload).digest().subarray(0, MAC_BYTES);
    };
    return {
      seal(order, { keys, before, uncounted }) {
        const parts: Payload = [FORM, before, uncounted ? 1 : 0, ...keys];
        const payload = Buffer.from(JSON.stringify(parts));
        return Buffer.concat([macOf(order, payload), payload]).toString('base64url');
      },
      open(order, cursor) {
        const payload = payloadOf(cursor, (bytes) => macOf(order, bytes)) ?? refuse();
        const [form, before, uncounted, ...keys] = JSON.parse(payload.toString()) as Payload;
        return form === FORM ? { keys, before, uncounted: uncounted === 1 } : refuse();
      },
    };
  };
}
