import { ConfigError } from '../config/config.ts';
import { masterKeysOf } from '../eventstore/masterKeys.ts';
import { fitKeys, type FitOptions } from '../eventstore/shopKeys.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import type { Secrets } from '../platform/secrets.ts';

const FOREIGN =
  'is not the key with which the personal data in this database were encrypted. Set that key; it may also be in the ' +
  'secrets.json of the process that made this shop';

/** The index key of a shop. Refuses to open it unless every master key that still wraps something here is listed. */
export async function indexKeyOf(
  pool: Pool,
  { masterKey, formerMasterKeys }: Pick<Secrets, 'masterKey' | 'formerMasterKeys'>,
  { onFormer, ...options }: FitOptions & { readonly onFormer?: (mark: string) => void } = {},
): Promise<Buffer> {
  const keys = masterKeysOf(masterKey, formerMasterKeys);
  const fit = await fitKeys(pool, keys, options);
  if (fit.kind === 'fits') {
    if (fit.by !== keys[0].mark) onFormer?.(fit.by);
    return fit.indexKey;
  }
  const reason =
    fit.kind === 'foreign'
      ? FOREIGN
      : `lacks the key with the mark ${fit.mark}, which still wraps keys of this shop. Add it to the list ` +
        '(MASTER_KEY=<new>,<old>), run "cartulary keys rotate", and remove it when "cartulary keys status" no longer names it';
  throw new ConfigError([{ name: 'MASTER_KEY', reason }]);
}
