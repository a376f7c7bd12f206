import type { Command } from 'commander';
import { openSecrets } from '../compose/openSecrets.ts';
import { type MasterKeys, masterKeysOf } from '../eventstore/masterKeys.ts';
import { keyStatus, rotateKeys } from '../eventstore/rotateKeys.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { type LogCommand, onLog, tellSecurity } from './onShop.ts';
import { count, createProgressBar } from './progressBar.ts';

interface Options {
  readonly json?: boolean;
}

async function masterKeys({ config, log, url }: LogCommand): Promise<MasterKeys> {
  const { masterKey, formerMasterKeys } = await openSecrets({ config, log, url, mayMake: false });
  return masterKeysOf(masterKey, formerMasterKeys);
}

const placeOf = (keys: MasterKeys, mark: string): string => {
  const at = keys.findIndex((key) => key.mark === mark);
  return at === 0 ? 'first in MASTER_KEY' : at > 0 ? 'listed in MASTER_KEY' : 'NOT listed in MASTER_KEY';
};

/** How many keys, the index key among them, are not wrapped by the first master key. */
async function standing(pool: Pool, keys: MasterKeys) {
  const { persons, indexKey } = await keyStatus(pool);
  const others = persons.reduce((sum, { mark, keys: of }) => (mark === keys[0].mark ? sum : sum + of), 0);
  const left = others + Number(indexKey !== null && indexKey !== keys[0].mark);
  const listed = keys.map(({ mark }) => mark);
  return { master_keys: listed, persons, index_key: indexKey, to_rewrap: left };
}

function tell(
  keys: MasterKeys,
  { persons, index_key: indexKey, to_rewrap: left }: Awaited<ReturnType<typeof standing>>,
) {
  for (const { mark, keys: of } of persons) {
    const by = mark === null ? 'an earlier version, without a mark' : `${mark}, ${placeOf(keys, mark)}`;
    console.log(`${count(of)} keys of persons are wrapped by ${by}`);
  }
  if (indexKey !== null) console.log(`the index key is wrapped by ${indexKey}, ${placeOf(keys, indexKey)}`);
  const rest = 'Only the first key of MASTER_KEY is needed.';
  console.log(left === 0 ? rest : `"cartulary keys rotate" would wrap ${count(left)} keys anew.`);
}

const status = ({ json = false }: Options): Promise<void> =>
  onLog(async (command) => {
    const keys = await masterKeys(command);
    const found = await standing(command.pool, keys);
    if (json) console.log(JSON.stringify(found));
    else tell(keys, found);
  });

const rotate = ({ json = false }: Options): Promise<void> =>
  onLog(async (command) => {
    const keys = await masterKeys(command);
    const { to_rewrap: total } = await standing(command.pool, keys);
    const bar = createProgressBar({ label: 'rotate', unit: 'keys', total, quiet: json });
    const done = await rotateKeys(command.pool, keys, (rewrapped) => bar.update(rewrapped)).finally(() => bar.stop());
    const rewrapped = done.rewrapped + Number(done.indexKey);
    const [{ mark }] = keys;
    tellSecurity(command.log, 'keys rotated', { master: mark, rewrapped });
    if (json) console.log(JSON.stringify({ rewrapped, master_key: mark }));
    else console.log(`${count(rewrapped)} keys wrapped anew; all keys are wrapped by ${mark}.`);
  });

const MORE = `
MASTER_KEY must list the new key first, and the old one after it, in every process of the shop. The shop may go on
meanwhile. A rotation that was cut off goes on where it was. Afterwards the old key can be removed from the list.`;

export function register(program: Command): void {
  const parent = program.command('keys').description('change the master key, which wraps the keys of persons');
  parent
    .command('status')
    .description('show how many keys are wrapped by which master key')
    .option('--json', 'as one JSON object')
    .action(status);
  parent
    .command('rotate')
    .description('wrap all keys by the first key of MASTER_KEY')
    .option('--dry-run', 'change nothing; show what would be done, as "keys status" does')
    .option('--json', 'what came of it as one JSON object')
    .addHelpText('after', MORE)
    .action(({ dryRun = false, ...options }: Options & { dryRun?: boolean }) =>
      dryRun ? status(options) : rotate(options),
    );
}
