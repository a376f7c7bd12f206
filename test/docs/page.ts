import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Comment, Element, Nodes, Root } from 'hast';
import { toString } from 'hast-util-to-string';
import rehypeRaw from 'rehype-raw';
import rehypeSlug from 'rehype-slug';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import remarkRehype from 'remark-rehype';
import { unified } from 'unified';
import { visit } from 'unist-util-visit';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Reference {
  /** As written: `../reference/errors.md#codes`, `#rules`, `https://…`. */
  readonly url: string;
  readonly line: number;
}

export interface CodeText {
  readonly text: string;
  readonly line: number;
}

/** A fenced block, and the comment directly before it. */
export interface Block extends CodeText {
  readonly language: string;
  readonly marker: string | undefined;
}

export interface Page {
  /** From the root of the repository. */
  readonly file: string;
  /** What may follow `#` in a link to this page: the headings as GitHub names them, and ids in HTML. */
  readonly anchors: ReadonlySet<string>;
  /** Links and images, written in Markdown or HTML. */
  readonly references: readonly Reference[];
  /** Code within a line. */
  readonly inline: readonly CodeText[];
  readonly blocks: readonly Block[];
  /** Every comment, whether or not a block follows. */
  readonly comments: readonly CodeText[];
}

const parser = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSlug);

const lineOf = (node: Nodes): number => node.position?.start.line ?? 0;
const isElement = (node: Nodes | undefined): node is Element => node?.type === 'element';

/** Where an element leads: `srcset` names several. */
function urlsOf({ properties: { href, src, srcSet } }: Element): string[] {
  const sources = Array.isArray(srcSet) ? srcSet.map(String) : typeof srcSet === 'string' ? srcSet.split(',') : [];
  return [href, src, ...sources.map((one) => one.trim().split(/\s/)[0])].filter((url) => typeof url === 'string');
}

/** The comment before a node, with nothing but white space in between. */
function markerOf(siblings: readonly Nodes[], index: number): string | undefined {
  const before = siblings.slice(0, index).findLast((node) => node.type !== 'text' || node.value.trim() !== '');
  return before?.type === 'comment' ? before.value.trim() : undefined;
}

function blockOf(pre: Element, marker: string | undefined): Block | undefined {
  const [inner] = pre.children;
  if (!isElement(inner) || inner.tagName !== 'code') return undefined;
  const names = Array.isArray(inner.properties.className) ? inner.properties.className.map(String) : [];
  const language = names.find((name) => name.startsWith('language-'))?.slice('language-'.length) ?? '';
  return { language, marker, text: toString(inner), line: lineOf(pre) };
}

const isInline = (node: Element, parent: Nodes | undefined): boolean =>
  node.tagName === 'code' && !(isElement(parent) && parent.tagName === 'pre');

/** One page of Markdown, as GitHub reads it. */
export function parsePage(file: string, text: string): Page {
  const tree: Root = parser.runSync(parser.parse(text));
  const anchors = new Set<string>();
  const references: Reference[] = [];
  const inline: CodeText[] = [];
  const blocks: Block[] = [];
  const comments: CodeText[] = [];
  visit(tree, 'comment', (node: Comment) => void comments.push({ text: node.value.trim(), line: lineOf(node) }));
  visit(tree, 'element', (node, index, parent) => {
    const { id, name } = node.properties;
    if (typeof id === 'string') anchors.add(id);
    if (node.tagName === 'a' && typeof name === 'string') anchors.add(name);
    for (const url of urlsOf(node)) references.push({ url, line: lineOf(node) });
    if (isInline(node, parent)) inline.push({ text: toString(node), line: lineOf(node) });
    const marker = parent === undefined || index === undefined ? undefined : markerOf(parent.children, index);
    const block = node.tagName === 'pre' ? blockOf(node, marker) : undefined;
    if (block !== undefined) blocks.push(block);
  });
  return { file, anchors, references, inline, blocks, comments };
}

export const readPage = (file: string): Page => parsePage(file, readFileSync(path.join(ROOT, file), 'utf8'));
