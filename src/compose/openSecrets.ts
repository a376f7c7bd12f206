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

/** Whether personal data in this database are sealed already, so that a new master key would open none of them. */
const isSealed = (url: string): Promise<boolean> =>
  onConnection({ url, name: 'secrets' }, async (client) => {
    const { rows } = await client.query('SELECT 1 FROM subject_keys LIMIT 1');
    return rows.length > 0;
  });

/**
 * The secrets of the shop in this database. A new master key is made only for a database in which nothing is sealed yet: a data
 * folder without the key of a shop is then not the folder of that shop.
 */
export async function openSecrets({ config, log, url, mayMake }: SecretsOptions): Promise<Secrets> {
  const { jwtSecret, masterKey } = await findSecrets(config);
  if (masterKey === undefined && (!mayMake || (await isSealed(url)))) {
    const file = secretsFile(config.dataDir);
    const reason = `is missing: the shop in this database has one, which is neither set nor in ${file}`;
    throw new ConfigError([{ name: 'MASTER_KEY', reason }]);
  }
  return mayMake ? keepSecrets(config, log) : { jwtSecret, masterKey: masterKey! };
}
