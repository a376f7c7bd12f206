import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { disposeDataDirs, newDataDir, placeOf, select } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT, temporaryFolder } from '../support/process.ts';
import { must, type Json } from '../support/shop.ts';
import { askAll, signIn, type Kept } from './asking.ts';
import { filesOf, packDataDir, writeShop } from './kept.ts';
import { ACCOUNTS, openShop, type Life } from './life.ts';
import { placeOn, type Place } from './place.ts';
import { questionsAbout, routesBeside } from './questions.ts';
import { losePayment, payNothing, trade } from './trade.ts';

// `npm run test:keep-shop [<commit>]`: runs the shop of a commit (HEAD by default) for a minute, and keeps its data.

const GIT_TIMEOUT_MS = 60_000;
const WAIT_MS = 60_000;
const NAME_LENGTH = 7;
/** Longer than the payment sandbox takes to answer. */
const SHORT_DEADLINE = '4s';

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', timeout: GIT_TIMEOUT_MS }).trim();

/** The sources of that commit in a separate folder, with the packages that are installed here. */
function sourcesOf(commit: string): string {
  const root = temporaryFolder('keep');
  const archive = path.join(root, 'sources.tar');
  git('archive', '--format=tar', '--output', archive, commit);
  execFileSync('tar', ['-xf', archive, '-C', root], { timeout: GIT_TIMEOUT_MS });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const [theirs, ours] = [root, ROOT].map((folder) => readFileSync(path.join(folder, 'package-lock.json'), 'utf8'));
  if (theirs !== ours) console.log('NOTE: that commit has other packages than those installed here.');
  return root;
}

interface Making {
  readonly root: string;
  readonly dataDir: string;
  readonly place: Place;
}

const secretsOf = (dataDir: string): { databasePassword: string; masterKey: string } =>
  JSON.parse(readFileSync(path.join(dataDir, 'secrets.json'), 'utf8'));

/** Runs a statement on the shop's own database. */
function query({ dataDir }: Making, sql: string): Promise<Record<string, unknown>[]> {
  const port = readFileSync(path.join(placeOf(dataDir), 'postgres/postmaster.pid'), 'utf8').split('\n')[3] ?? '';
  return select(`postgres://cartulary:${secretsOf(dataDir).databasePassword}@127.0.0.1:${port}/cartulary`, sql);
}

/** Begins a new segment of the WAL, and returns its name. After a clean stop the cluster can start from this segment alone. */
async function newSegment(making: Making): Promise<string> {
  await query(making, 'SELECT pg_switch_wal()');
  await query(making, 'CHECKPOINT');
  const [row] = await query(making, 'SELECT pg_walfile_name(pg_current_wal_lsn()) AS segment');
  return String(row?.['segment']);
}

/** Waits until handlers and read models have reached the end of the log, and no deadline is pending that would change answers later. */
const settled = ({ place }: Making): Promise<unknown> =>
  eventually(
    'the shop has nothing left to do',
    async () => {
      const { projections, handlers, deadlines } = await place.json('projections');
      const all: Json[] = [...projections, ...handlers];
      return all.every(({ lag }) => lag === '0') && deadlines.waiting === 0;
    },
    WAIT_MS,
  );

async function live(making: Making): Promise<Life> {
  const { place } = making;
  await place.start();
  const { email, password } = ACCOUNTS.admin;
  await place.run(['admin', 'create', '--email', email, '--password-stdin'], password);
  const shop = await openShop(place);
  const life = await trade(shop);
  await losePayment(shop, async (payment) => {
    await query(making, `DELETE FROM sandbox_charges WHERE key = '${payment}'`);
  });
  const isDead = async (): Promise<boolean> => ((await place.json('dead-letters', 'list')) as Json[]).length > 0;
  await eventually('the lost payment is a dead letter', isDead, WAIT_MS);
  await place.start({ PAYMENT_DEADLINE: SHORT_DEADLINE });
  await payNothing(shop);
  await settled(making);
  const snapshots = await query(making, `SELECT 1 FROM snapshots WHERE stream = 'stock-${life.bestseller}'`);
  if (snapshots.length === 0) throw new Error('The stock of the bestseller has no snapshot: let it change more often.');
  return life;
}

async function record(place: Place, life: Life): Promise<Kept[]> {
  const answers = await askAll(place, ACCOUNTS, await questionsAbout(place, life));
  const found = answers.filter(({ status }) => status === 200);
  const beside = await routesBeside(place, found);
  if (beside.length > 0) throw new Error(`Nothing that was kept is an answer of ${beside.join(', ')}: add a question.`);
  return answers;
}

/** Event types that the commit declares but that did not occur in its shop. */
function eventsBeside(root: string, log: string): string[] {
  const lines = gunzipSync(readFileSync(log)).toString().trimEnd().split('\n');
  const happened = new Set(lines.map((line) => (JSON.parse(line) as { type?: string }).type));
  const known = readdirSync(path.join(root, 'schemas')).map((file) => file.split('.')[0] ?? '');
  return known.filter((type) => !happened.has(type));
}

async function keep(commit: string): Promise<void> {
  const name = commit.slice(0, NAME_LENGTH);
  const files = filesOf(name);
  if (existsSync(files.folder))
    throw new Error(`${name} is kept already; only what was never published may be removed.`);
  mkdirSync(files.folder, { recursive: true });
  const root = sourcesOf(commit);
  const dataDir = newDataDir();
  const place = placeOn({ root, from: 'sources', env: { DATA_DIR: dataDir } });
  try {
    const making = { root, dataDir, place };
    const life = await live(making);
    const answers = await record(place, life);
    const mary = await signIn(place, ACCOUNTS.mary);
    const { data: stock } = must(await mary.call('GET', `/products/${life.bestseller}/stock`), 200);
    await settled(making);
    const { events, log_hash } = await place.json('export', files.log);
    const segment = await newSegment(making);
    await place.stop();
    const { masterKey } = secretsOf(dataDir);
    const { repeatable, underway } = life;
    const { available, reserved } = stock;
    const bestseller = { id: life.bestseller, available, reserved };
    const known = { commit, accounts: ACCOUNTS, masterKey, log: { events, log_hash }, answers: answers.length };
    writeShop(name, { ...known, bestseller, underway, repeatable }, answers);
    await packDataDir(dataDir, segment, files.data);
    console.log(`${name}: ${events} events, ${answers.length} answers, log hash ${log_hash}`);
    console.log(`did not happen: ${eventsBeside(root, files.log).join(', ') || 'nothing'}`);
    for (const file of [files.data, files.log, files.answers, files.shop])
      console.log(`${statSync(file).size} ${file}`);
  } catch (error) {
    rmSync(files.folder, { recursive: true });
    throw error;
  } finally {
    await place.stop();
    disposeDataDirs();
  }
}

await keep(git('rev-parse', '--verify', `${process.argv[2] ?? 'HEAD'}^{commit}`));
