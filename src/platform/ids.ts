import { hash, randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const ID_BYTES = 16;
/** Random bytes are drawn for this many ids at once. Drawing them one by one costs more than the rest of making an id. */
const IDS_DRAWN = 256;
const drawn = new Uint8Array(ID_BYTES * IDS_DRAWN);
let at = drawn.length;

function randomBytes(): Uint8Array {
  if (at === drawn.length) {
    randomFillSync(drawn);
    at = 0;
  }
  return drawn.subarray(at, (at += ID_BYTES));
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Parses an id from outside and returns it in lower case, as every id is stored; undefined when it is not a UUID. */
export const uuidOf = (text: string): string | undefined => (UUID.test(text) ? text.toLowerCase() : undefined);

/** A new unique id (UUID v7). As a command id it marks a command of one call, which is never repeated. */
export const freshId = (): string => uuidv7({ rng: randomBytes });

const NAMESPACE_BYTES = 16;
const VARIANT = '89ab';

/**
 * The id derived from a name and another id: UUID v5, equal to that of the `uuid` package at less than half of its cost, which
 * matters because every event has one. Throws a `TypeError` when `namespace` is not a UUID.
 */
export function derivedId(name: string, namespace: string): string {
  const nameBytes = Buffer.from(name);
  const bytes = Buffer.from(namespace.replaceAll('-', '') + nameBytes.toString('hex'), 'hex');
  if (bytes.length !== NAMESPACE_BYTES + nameBytes.length) throw new TypeError(`not a uuid: ${namespace}`);
  const hex = hash('sha1', bytes);
  const variant = VARIANT[Number.parseInt(hex[16]!, 16) & 3]!;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
