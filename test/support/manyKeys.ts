import { randomBytes, randomUUID } from 'node:crypto';
import { masterKeysOf, wrap } from '../../src/eventstore/masterKeys.ts';
import type { Pool } from '../../src/platform/postgres/pool.ts';

/** Gives this many persons a key, all in one statement. Returns their ids. */
export async function manyKeys(pool: Pool, masterKey: Buffer, count: number): Promise<string[]> {
  const keys = masterKeysOf(masterKey);
  const wrapped = Array.from({ length: count }, () => wrap(keys, randomUUID(), randomBytes(32)));
  await pool.query(
    `INSERT INTO subject_keys (subject, wrapped_key, master_key)
     SELECT subject, decode(bytes, 'base64'), $3 FROM unnest($1::text[], $2::text[]) AS new (subject, bytes)`,
    [wrapped.map(({ name }) => name), wrapped.map(({ bytes }) => bytes.toString('base64')), keys[0].mark],
  );
  return wrapped.map(({ name }) => name);
}
