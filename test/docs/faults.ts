import path from 'node:path';
import type { CodeText, Page, Reference } from './page.ts';
import type { Repository } from './repository.ts';

const EXTERNAL = new Set(['http:', 'https:', 'mailto:']);
/** Parts of a path that stand for something: `test/laws/*.spec.ts`, `schemas/<type>.json`, `src/aggregates/x.ts`. */
const PLACEHOLDER = /[*<>{}…]|^x(?:\.\w+)*\.ts$/;
const PATH = /^[\w.@-]+(?:\/[\w.@*<>{}…-]*)+$/;
const SOURCE_NAME = /^[\w.-]+\.ts$/;
const SCRIPT = /\bnpm run (?:--silent |-s )?([a-z][\w:-]*)/g;

const at = ({ file }: Page, { line }: { readonly line: number }): string => `${file}:${line}`;

/** The page or other entry that a link leads to, and its anchor; undefined for one that leads out of the repository. */
export function targetOf(page: Page, url: string): { file: string; anchor: string | undefined } | undefined {
  if (URL.canParse(url)) return undefined;
  const [where = '', anchor] = url.split('#');
  const file = where === '' ? page.file : path.posix.join(path.posix.dirname(page.file), decodeURIComponent(where));
  return { file: file.replace(/\/$/, ''), anchor };
}

function externalFault(url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  if (!EXTERNAL.has(protocol)) return `${url} is neither a web page nor an address`;
  return protocol !== 'mailto:' && hostname === '' ? `${url} names no host` : undefined;
}

function linkFault(page: Page, { url }: Reference, { pages, entries }: Repository): string | undefined {
  const target = targetOf(page, url);
  if (target === undefined) return externalFault(url);
  if (url.startsWith('/')) return `${url} begins at the root, which is another one on every host`;
  if (!entries.has(target.file)) return `${url} leads to ${target.file}, which is not there`;
  if (target.anchor === undefined) return undefined;
  const anchors = pages.get(target.file)?.anchors;
  if (anchors === undefined) return `${url} leads to a place in ${target.file}, which is no page`;
  return anchors.has(target.anchor) ? undefined : `${target.file} has no heading #${target.anchor}`;
}

/** Links and images of a page that lead nowhere. */
export const linkFaults = (page: Page, repository: Repository): string[] =>
  page.references.flatMap((reference) => {
    const fault = linkFault(page, reference, repository);
    return fault === undefined ? [] : [`${at(page, reference)}: ${fault}`];
  });

function pathFault(text: string, { entries }: Repository): string | undefined {
  if (SOURCE_NAME.test(text) && !PLACEHOLDER.test(text)) {
    const known = [...entries].some((file) => file === text || file.endsWith(`/${text}`));
    return known ? undefined : `there is no file ${text}`;
  }
  const [first = '', ...others] = text.split('/');
  // A path that begins with no folder of ours is of something else: a package, a route, a folder of the reader's.
  if (!PATH.test(text) || !entries.has(first)) return undefined;
  const until = others.findIndex((part) => PLACEHOLDER.test(part));
  const known = [first, ...(until < 0 ? others : others.slice(0, until))].filter((part) => part !== '').join('/');
  return entries.has(known) ? undefined : `there is no ${known}`;
}

/** Files of the repository that a page names in code, and that are not there. */
export const pathFaults = (page: Page, repository: Repository): string[] =>
  page.inline.flatMap((code) => {
    const fault = pathFault(code.text, repository);
    return fault === undefined ? [] : [`${at(page, code)}: ${fault}`];
  });

/** Scripts of `npm run` that a page names in code or in a block, and that are not there. */
export const scriptFaults = (page: Page, { scripts }: Repository): string[] =>
  [...page.inline, ...page.blocks].flatMap((code: CodeText) =>
    [...code.text.matchAll(SCRIPT)]
      .map(([, name = '']) => name)
      .filter((name) => !scripts.has(name))
      .map((name) => `${at(page, code)}: there is no script ${name}`),
  );

/** The pages that links lead to from this one, itself included. */
export function reachable(from: string, { pages }: Repository): Set<string> {
  const found = new Set<string>();
  const waiting = [from];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const page = pages.get(file);
    if (page === undefined || found.has(file)) continue;
    found.add(file);
    waiting.push(...page.references.flatMap(({ url }) => targetOf(page, url)?.file ?? []));
  }
  return found;
}
