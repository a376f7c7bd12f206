import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { GIVEN_TEMPLATE } from '../../support/database.ts';
import { ROOT } from '../page.ts';
import { type Edit, edited, type SourceFile } from './addition.ts';

const COPIED = [
  'src',
  'test',
  'bench',
  'migrations',
  'schemas',
  'docs',
  '.env.example',
  'asyncapi.json',
  'package.json',
  'tsconfig.json',
];
const MOCHA = 'node_modules/mocha/bin/mocha.js';
const PROGRAM_TIMEOUT_MS = 120_000;
const OUTPUT_BYTES_MAX = 16 * 1_024 * 1_024;
const COMPILER = path.join(ROOT, 'node_modules/@typescript/native/bin/tsc');
/** Each check goes on from the last one, in one thread, because other groups of tests use the other processors. */
const TYPES = [
  ...[COMPILER, '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false', '--singleThreaded'],
  ...['--incremental', '--tsBuildInfoFile', '.tsbuildinfo'],
];
/** The further lines of a complaint are indented. */
const NEXT_COMPLAINT = /\n(?=\S)/;
const TSX = ['--import', 'tsx'];

const run = promisify(execFile);
/** The copy has migrations of its own, so that it makes its own template database. */
const { [GIVEN_TEMPLATE]: _ours, ...env } = process.env;

export interface Run {
  readonly passed: boolean;
  readonly output: string;
}

/** A copy of the sources that may be changed and set back; packages are lent. */
export function copyOfSources() {
  const root = mkdtempSync(path.join(os.tmpdir(), 'cartulary-additions-'));
  for (const name of COPIED) cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'), 'dir');
  const changed = new Set<string>();
  const at = (file: string): string => path.join(root, file);

  function write({ file, text }: SourceFile): void {
    changed.add(file);
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  }

  async function program(args: readonly string[]): Promise<Run> {
    const options = { cwd: root, env, timeout: PROGRAM_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
    try {
      const { stdout, stderr } = await run(process.execPath, args, options);
      return { passed: true, output: stdout + stderr };
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return { passed: false, output: stdout + stderr };
    }
  }

  return {
    write,
    edit: (edit: Edit): void => write({ file: edit.file, text: edited(readFileSync(at(edit.file), 'utf8'), edit) }),
    /** Every complaint of the compiler, with its place first. */
    async types(): Promise<string[]> {
      const { passed, output } = await program(TYPES);
      return passed ? [] : output.trimEnd().split(NEXT_COMPLAINT);
    },
    specs: (files: readonly string[]): Promise<Run> =>
      program([
        ...TSX,
        at(MOCHA),
        '--timeout',
        String(PROGRAM_TIMEOUT_MS),
        '--exit',
        '--require',
        at('test/support/hooks.ts'),
        ...files,
      ]),
    /** What `npm run docs` does. */
    docs: (): Promise<Run> => program([...TSX, 'test/support/docs.ts']),
    /** Sets back what was changed. */
    restore(): void {
      for (const name of ['schemas', 'docs', 'asyncapi.json']) {
        rmSync(at(name), { recursive: true });
        cpSync(path.join(ROOT, name), at(name), { recursive: true });
      }
      for (const file of changed) {
        rmSync(at(file), { force: true });
        if (existsSync(path.join(ROOT, file))) cpSync(path.join(ROOT, file), at(file));
      }
      changed.clear();
    },
    remove: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

export type Copy = ReturnType<typeof copyOfSources>;
