/** Stands for anything within a line; as the whole of a line, for any lines, also none. */
const ANYTHING = '…';

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);

/** Without white space at the ends of lines and empty lines at both ends: nobody sees them. */
export const tidy = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replaceAll(/^\n+|\n+$/g, '');

/** Whether a block printed what its page says. */
export function fits(expected: string, printed: string): boolean {
  const lines = tidy(expected)
    .split('\n')
    .map((line) =>
      line.trim() === ANYTHING ? String.raw`(?:.*\n)*?` : `${line.split(ANYTHING).map(escaped).join('.*')}\n`,
    );
  return new RegExp(`^${lines.join('')}$`).test(`${tidy(printed)}\n`);
}
