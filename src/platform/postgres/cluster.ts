import { chmod, mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { keepMissing, readSecrets, secretsFile } from '../secrets.ts';
import { give, run } from './account.ts';
import { program, usableBinaries, type Binaries } from './binaries.ts';
import { exists, type Place } from './place.ts';
import { ROLE, type Cluster } from './postmaster.ts';

const INITDB_TIMEOUT_MS = 120_000;
const DRAFT = 'postgres.initialising';

/**
 * Creates the cluster in a draft folder and renames it when it is complete, so that a kill half-way leaves nothing that looks
 * like a cluster. The builtin C.UTF-8 locale sorts by code point and folds case in all languages, the same on every system.
 */
async function initialise(place: Place, binaries: Binaries, password: string): Promise<void> {
  for (const name of await readdir(place.dir)) {
    if (name.startsWith(DRAFT)) await rm(path.join(place.dir, name), { recursive: true, force: true, maxRetries: 3 });
  }
  const draft = path.join(place.dir, `${DRAFT}.${randomUUID()}`);
  const passwordFile = `${draft}.password`;
  await mkdir(draft, { mode: 0o700 });
  await give(place.account, draft);
  await writeFile(passwordFile, password, { flag: 'wx', mode: 0o600 });
  await give(place.account, passwordFile);
  try {
    const { code, output } = await run(
      place.account,
      [
        program(binaries, 'initdb'),
        ...['-D', draft, '--username', ROLE, '--auth=scram-sha-256', '--pwfile', passwordFile, '--data-checksums'],
        ...[
          '--encoding=UTF8',
          '--locale=C',
          '--locale-provider=builtin',
          '--builtin-locale=C.UTF-8',
          '--no-instructions',
        ],
      ],
      INITDB_TIMEOUT_MS,
    );
    if (code !== 0) throw new Error(`Postgres could not make its data folder in ${place.dir}:\n${output}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, place.cluster);
  const folder = await open(place.dir, 'r');
  await folder.sync().finally(() => folder.close());
}

async function checkVersion(place: Place, { major }: Binaries): Promise<void> {
  const found = (await readFile(path.join(place.cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (found === String(major)) return;
  throw new Error(
    `${place.cluster} was made by Postgres ${found === '' ? '(unknown version)' : found}, and this version brings Postgres ` +
      `${major}, which cannot read it: dump it with the version that made it, or set DATABASE_URL to a Postgres ${found}.`,
  );
}

/** The cluster in that place. Creates it if there is none. */
export async function openCluster(dataDir: string, place: Place): Promise<Cluster> {
  const binaries = await usableBinaries(place.dir, place.account);
  if (await exists(place.cluster)) {
    await checkVersion(place, binaries);
    const password = (await readSecrets(dataDir)).databasePassword;
    if (password !== undefined) return { place, binaries, password };
    throw new Error(
      `${place.cluster} exists, but ${secretsFile(dataDir)}, which holds its password, does not: restore that file.`,
    );
  }
  const { secrets } = await keepMissing(dataDir, ['databasePassword']);
  await initialise(place, binaries, secrets.databasePassword);
  await chmod(place.cluster, 0o700);
  return { place, binaries, password: secrets.databasePassword };
}
