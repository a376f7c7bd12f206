import { hkdfSync } from 'node:crypto';
import { decrypt, encrypt } from './sealing.ts';

export const KEY_BYTES = 32;
const MARK_BYTES = 8;

/** A master key, which wraps (encrypts) other keys. */
export interface MasterKey {
  /** 32 bytes. */
  readonly key: Buffer;
  /** Tells the key from others, and nothing about it. It is stored beside each key that this one wraps. */
  readonly mark: string;
  readonly wrappingKey: Buffer;
}

/** The listed master keys: the first one wraps, all unwrap. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]];

/** A key as it is stored. `mark` is null when an earlier version has wrapped it. */
export interface Wrapped {
  /** The owner that the key is bound to: a person's id, or the name of a key of the shop. */
  readonly name: string;
  readonly bytes: Buffer;
  readonly mark: string | null;
}

export const derived = (key: Buffer, purpose: string, bytes = KEY_BYTES): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `cartulary ${purpose}`, bytes));

const masterKeyOf = (key: Buffer): MasterKey => {
  if (key.length !== KEY_BYTES) throw new Error(`MASTER_KEY must be ${KEY_BYTES} bytes long`);
  return {
    key,
    mark: derived(key, 'mark of a master key', MARK_BYTES).toString('hex'),
    wrappingKey: derived(key, 'wrap'),
  };
};

export function masterKeysOf(first: Buffer, former: readonly Buffer[] = []): MasterKeys {
  const keys = former.map(masterKeyOf);
  const { mark, ...rest } = masterKeyOf(first);
  return [{ mark, ...rest }, ...keys.filter((one, at) => one.mark !== mark && !keys.slice(0, at).includes(one))];
}

export const wrap = ([{ wrappingKey, mark }]: MasterKeys, name: string, key: Buffer): Wrapped => ({
  ...{ name, bytes: encrypt(wrappingKey, name, key), mark },
});

/** The key, and the master key that opened it; undefined when none of the listed ones does. */
export function unwrap(keys: MasterKeys, { name, bytes, mark }: Wrapped): { key: Buffer; by: MasterKey } | undefined {
  for (const by of keys) {
    if (mark !== null && by.mark !== mark) continue;
    try {
      return { key: decrypt(by.wrappingKey, name, bytes), by };
    } catch {
      // Another master key has wrapped it.
    }
  }
  return undefined;
}
