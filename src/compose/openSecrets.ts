import { type Config, ConfigError } from '../config/config.ts';
import type { Logger } from '../platform/log.ts';
import { onConnection } from '../platform/postgres/pool.ts';
import { findSecrets, keepSecrets, type Secrets, secretsFile } from '../platform/secrets.ts';

export interface SecretsOptions {
  readonly config: Config;
  readonly log: Logger;
  /** A migrated database. */
  readonly url: string;
  /** Whether missing secrets are made and kept. */
  readonly mayMake: boolean;
}

/** Whether this database belongs to a master key already, so that a new master key would open none of them. */
const isSealed = (url: string): Promise<boolean> =>
  onConnection({ url, name: 'secrets' }, async (client) => {
    const { rows } = await client.query('SELECT 1 FROM subject_keys UNION ALL SELECT 1 FROM shop_keys LIMIT 1');
    return rows.length > 0;
  });

/**
 * The secrets of the shop in this database. A new master key is made only for a database in which nothing is sealed yet: a data
 * folder without the key of a shop is then not the folder of that shop.
 */
export async function openSecrets({ config, log, url, mayMake }: SecretsOptions): Promise<Secrets> {
  const { masterKey, ...found } = await findSecrets(config);
  if (masterKey === undefined && (!mayMake || (await isSealed(url)))) {
    const file = secretsFile(config.dataDir);
    const reason = `is missing: the shop in this database has one, which is neither set nor in ${file}`;
    throw new ConfigError([{ name: 'MASTER_KEY', reason }]);
  }
  return mayMake ? keepSecrets(config, log) : { ...found, masterKey: masterKey! };
}
