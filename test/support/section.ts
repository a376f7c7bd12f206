import { readFileSync, writeFileSync } from 'node:fs';

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->` in a file. */
export function replaceSection(file: string, name: string, content: string): void {
  const text = readFileSync(file, 'utf8');
  const begin = `<!-- ${name}:begin -->\n`;
  const from = text.indexOf(begin);
  const to = text.indexOf(`<!-- ${name}:end -->`, from);
  if (from < 0 || to < 0) throw new Error(`${file} has no section ${name}.`);
  writeFileSync(file, `${text.slice(0, from)}${begin}${content}\n${text.slice(to)}`);
}
