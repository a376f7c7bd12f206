import { readdirSync } from 'node:fs';
import path from 'node:path';

import { readPage, ROOT, type Page } from './page.ts';

/** What is made here and kept by nobody: no page may count on it. */
const NOT_KEPT = new Set(['.git', 'node_modules', 'dist', 'coverage', '.data']);
/** The pages that are not in `docs/`. */
const ROOT_PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'llms.txt'];

/** What links and paths are judged against: pages by their file, and every other file and folder there is. */
export interface Repository {
  readonly pages: ReadonlyMap<string, Page>;
  /** Files and folders from the root on, with `/`. */
  readonly entries: ReadonlySet<string>;
  /** `package.json`'s. */
  readonly scripts: ReadonlySet<string>;
}

const slashed = (file: string): string => file.split(path.sep).join('/');

function entriesIn(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
    slashed(path.join(folder, file)),
  );
}

export function readRepository(scripts: Readonly<Record<string, string>>): Repository {
  const top = readdirSync(ROOT, { withFileTypes: true }).filter(({ name }) => !NOT_KEPT.has(name));
  const entries = top.flatMap((entry) => [entry.name, ...(entry.isDirectory() ? entriesIn(entry.name) : [])]);
  const files = [...ROOT_PAGES, ...entries.filter((file) => file.startsWith('docs/') && file.endsWith('.md'))];
  return {
    pages: new Map(files.sort().map((file) => [file, readPage(file)])),
    entries: new Set(entries),
    scripts: new Set(Object.keys(scripts)),
  };
}
