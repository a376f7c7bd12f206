import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commands } from '../../src/commands/index.ts';
import type { Access } from '../../src/engine/decide/command.ts';
import { queries } from '../../src/queries/index.ts';

export const README = path.resolve(import.meta.dirname, '../../README.md');

const who = (access: Access): string =>
  access === 'anyone' ? '–' : access === 'user' ? 'any user' : access.join(', ');

/** The table of routes as the contracts have it. */
export function routeTable(): string {
  const rows = [...commands, ...queries]
    .flatMap(({ name, summary, route, aliases = [], access, tag }) =>
      [route, ...aliases].map((text, index) => {
        const [method = '', where = ''] = text.split(' ');
        return { tag, where, method, access, summary: index === 0 ? summary : `the same as \`${route}\``, name };
      }),
    )
    .sort((a, b) => a.tag.localeCompare(b.tag) || a.where.localeCompare(b.where) || a.method.localeCompare(b.method));
  const lines = rows.map(
    ({ method, where, access, summary }) => `| \`${method} ${where}\` | ${who(access)} | ${summary} |`,
  );
  return ['| route | who | what |', '|---|---|---|', ...lines].join('\n');
}

/** What stands between `<!-- name:begin -->` and `<!-- name:end -->`. */
export function section(name: string, text = readFileSync(README, 'utf8')): string {
  const [, inner] = new RegExp(`<!-- ${name}:begin -->\\n([\\s\\S]*?)<!-- ${name}:end -->`).exec(text) ?? [];
  if (inner === undefined) throw new Error(`README.md has no section ${name}`);
  return inner;
}

export function replaceSection(name: string, content: string): void {
  const text = readFileSync(README, 'utf8');
  const begin = `<!-- ${name}:begin -->\n`;
  const old = begin + section(name, text);
  writeFileSync(
    README,
    text.replace(old, () => `${begin}${content}\n`),
  );
}

if (process.argv[1] === import.meta.filename) replaceSection('routes', routeTable());
