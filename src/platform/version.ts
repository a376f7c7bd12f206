import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The folder of our package.json: two folders up in the sources, three in a build. */
export function packageRoot(): string {
  const found = ['../..', '../../..']
    .map((up) => path.resolve(import.meta.dirname, up))
    .find((folder) => existsSync(path.join(folder, 'package.json')));
  if (found === undefined) throw new Error('The package.json of cartulary is missing: install cartulary again.');
  return found;
}

export const version = (): string =>
  (JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
