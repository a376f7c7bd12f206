import type { Block, Page } from './page.ts';

/** A block that is run, and the one that says what it prints, if there is one. */
export interface Step {
  readonly block: Block;
  /** Whether it needs no shop. */
  readonly offline: boolean;
  readonly prints: Block | undefined;
}

const RUNNABLE = 'runnable';
const OFFLINE = 'runnable: offline';
const PRINTS = 'prints';
const SHELL = 'sh';
/** A comment that begins like one of the markers is meant to be one. */
const LIKE_A_MARKER = /^(?:run|print)/i;

const isRunnable = ({ marker }: Block): boolean => marker === RUNNABLE || marker === OFFLINE;

/** What a page has to run, in order; throws for a marker that would do nothing. */
export function stepsOf(page: Page): Step[] {
  const { file, blocks, comments } = page;
  const refuse = (line: number, reason: string): never => {
    throw new Error(`${file}:${line}: ${reason}`);
  };
  const markers = comments.filter(({ text }) => LIKE_A_MARKER.test(text));
  for (const { text, line } of markers) {
    if (![RUNNABLE, OFFLINE, PRINTS].includes(text)) refuse(line, `"${text}" is no marker`);
    if (!blocks.some((block) => block.line > line && block.marker === text)) refuse(line, `no block follows "${text}"`);
  }
  const marked = blocks.filter((block) => isRunnable(block) || block.marker === PRINTS);
  if (marked.length !== markers.length) refuse(markers.at(-1)?.line ?? 0, 'a marker is not directly before a block');
  return blocks.flatMap((block, index) => {
    const next = blocks[index + 1];
    if (block.marker === PRINTS && !isRunnable(blocks[index - 1] ?? block)) refuse(block.line, 'nothing prints this');
    if (!isRunnable(block)) return [];
    if (block.language !== SHELL) refuse(block.line, `only "${SHELL}" is run, not "${block.language}"`);
    return [{ block, offline: block.marker === OFFLINE, prints: next?.marker === PRINTS ? next : undefined }];
  });
}
