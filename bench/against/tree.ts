import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { compile, ROOT } from '../serving.ts';

const GIT_TIMEOUT_MS = 60_000;
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const GIT_OUTPUT_BYTES_MAX = 64 * 1_024 * 1_024;
const MIGRATE_TIMEOUT_MS = 60_000;
const CLI = 'dist/src/cli/cartulary.js';
const LOCK = 'package-lock.json';
const MODULES = 'node_modules';

function git(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync('git', args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: GIT_TIMEOUT_MS,
    maxBuffer: GIT_OUTPUT_BYTES_MAX,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The full hash of a commit, from any Git name of it. */
export function commitOf(name: string): string {
  try {
    return git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]).trim();
  } catch (error) {
    throw new Error(`There is no commit ${name} here.`, { cause: error });
  }
}

/** This tree in a few words: its commit, and whether files differ from it. */
export function toldOfToday(): string {
  const changed = git(['status', '--porcelain']) === '' ? '' : ' with changes';
  return `${git(['rev-parse', '--short', 'HEAD']).trim()}${changed}`;
}

/** A new folder that this process removes when it ends. */
function ownFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-against-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a commit's files into a new folder. Uses its own Git index, so this tree and its index do not change. */
export function checkOut(commit: string): string {
  const folder = ownFolder();
  const root = path.join(folder, 'tree');
  const env = { GIT_INDEX_FILE: path.join(folder, 'index') };
  git(['read-tree', commit], env);
  git(['checkout-index', '--all', `--prefix=${root}/`], env);
  return root;
}

/** Copies this tree's current files, without ignored ones, so that the tree may change while the comparison runs. */
export function copyToday(): string {
  const root = path.join(ownFolder(), 'tree');
  const files = git(['ls-files', '--cached', '--others', '--exclude-standard', '-z']).split('\0');
  for (const file of files.filter((name) => name !== '' && existsSync(path.join(ROOT, name)))) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    copyFileSync(path.join(ROOT, file), path.join(root, file));
  }
  return root;
}

/** Links our packages into a tree that needs the same ones; otherwise installs the tree's own. */
export function install(root: string): void {
  const lockOf = (folder: string): string => readFileSync(path.join(folder, LOCK), 'utf8');
  if (lockOf(root) === lockOf(ROOT)) {
    symlinkSync(path.join(ROOT, MODULES), path.join(root, MODULES), 'dir');
    return;
  }
  console.log(`  installing its own packages: its ${LOCK} differs from ours`);
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_TIMEOUT_MS,
  });
}

/** Compiles the bench programs and the build that they start. */
export function compileAll(root: string): void {
  compile('tsconfig.bench.json', root);
  compile('tsconfig.build.json', root);
}

/** Migrates a database with a tree's own migrations. Runs in its own process, so that the measuring process starts cold on both sides. */
export function migrate(root: string, url: string): void {
  execFileSync(process.execPath, [path.join(root, CLI), 'migrate', 'up'], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: MIGRATE_TIMEOUT_MS,
  });
}
