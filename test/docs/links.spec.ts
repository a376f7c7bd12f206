import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

import { linkFaults, pathFaults, reachable, scriptFaults, targetOf } from './faults.ts';
import { parsePage, ROOT } from './page.ts';
import { readRepository, type Repository } from './repository.ts';

const README_LINES_MAX = 150;
const README_BYTES_MAX = 10 * 1024;
const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

describe('the documents', () => {
  let repository: Repository;
  before(() => {
    repository = readRepository(scripts);
  });
  const pages = () => [...repository.pages.values()];
  const docs = (): string[] => [...repository.pages.keys()].filter((file) => file.startsWith('docs/'));

  it('have links, and each leads to a file and a heading that are there', () => {
    expect(pages().flatMap(({ references }) => references).length).to.be.greaterThan(100);
    expect(pages().flatMap((page) => linkFaults(page, repository))).to.deep.equal([]);
  });

  it('name files of the repository that are there', () => {
    expect(pages().flatMap((page) => pathFaults(page, repository))).to.deep.equal([]);
  });

  it('name scripts of npm that are there', () => {
    expect(pages().flatMap((page) => scriptFaults(page, repository))).to.deep.equal([]);
  });

  it('are all within reach of the README', () => {
    const reached = reachable('README.md', repository);
    expect([...repository.pages.keys()].filter((file) => !reached.has(file))).to.deep.equal([]);
  });

  it('are all listed in llms.txt', () => {
    const index = repository.pages.get('llms.txt')!;
    const listed = new Set(index.references.map(({ url }) => targetOf(index, url)?.file));
    expect(docs().filter((file) => !listed.has(file))).to.deep.equal([]);
  });

  it(`begin with a README of at most ${README_LINES_MAX} lines and ${README_BYTES_MAX} bytes`, () => {
    const file = path.join(ROOT, 'README.md');
    expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).to.be.at.most(README_LINES_MAX);
    expect(statSync(file).size).to.be.at.most(README_BYTES_MAX);
  });
});

describe('the check of documents', () => {
  const other = parsePage('docs/other.md', '# Two words, `code`\n\n## Again\n\n## Again\n\n<a id="kept"></a>\n');
  const repository: Repository = {
    pages: new Map([['docs/other.md', other]]),
    entries: new Set(['docs', 'docs/other.md', 'docs/page.md', 'docs/way.svg', 'src', 'src/main.ts']),
    scripts: new Set(['docs']),
  };
  const page = (text: string) => parsePage('docs/page.md', text);
  const linksOf = (text: string): string[] => {
    const one = page(text);
    return linkFaults(one, { ...repository, pages: new Map([...repository.pages, [one.file, one]]) });
  };

  it('finds headings as GitHub names them, and ids', () => {
    expect([...other.anchors]).to.deep.equal(['two-words-code', 'again', 'again-1', 'kept']);
    for (const anchor of other.anchors) expect(linksOf(`[a](other.md#${anchor})`), anchor).to.deep.equal([]);
  });

  it('finds links in every form', () => {
    const forms = [
      '[a](gone.md)',
      '[a][b]\n\n[b]: gone.md "title"',
      '![a](gone.md)',
      '<a href="gone.md">a</a>',
      '<picture><source srcset="gone.md 2x"><img src="way.svg"></picture>',
      '| a |\n|---|\n| [a](gone.md) |',
    ];
    for (const text of forms) expect(linksOf(text), text).to.have.length(1);
    expect(linksOf('`[a](gone.md)`\n\n```md\n[a](gone.md)\n```\n\n<!-- [a](gone.md) -->')).to.deep.equal([]);
  });

  it('sees what is wrong with a link', () => {
    const wrong = {
      'other.md#again-2': 'docs/page.md:1: docs/other.md has no heading #again-2',
      '#nothing': 'docs/page.md:1: docs/page.md has no heading #nothing',
      'way.svg#a': 'docs/page.md:1: way.svg#a leads to a place in docs/way.svg, which is no page',
      '../../up.md': 'docs/page.md:1: ../../up.md leads to ../up.md, which is not there',
      '/docs/other.md': 'docs/page.md:1: /docs/other.md begins at the root, which is another one on every host',
      'ftp://host/file': 'docs/page.md:1: ftp://host/file is neither a web page nor an address',
      'https://': 'docs/page.md:1: https:// leads to docs/https:, which is not there',
    };
    for (const [url, fault] of Object.entries(wrong)) expect(linksOf(`[a](${url})`), url).to.deep.equal([fault]);
    expect(linksOf('[a](https://example.com/x#y) <me@example.com> [b](../src) [c](../src/main.ts)')).to.deep.equal([]);
  });

  it('sees paths, names of sources and scripts that are not there', () => {
    const text =
      '`src/gone.ts` `src/main.ts` `src/` `src/*.ts` `src/gone/*.ts` `main.ts` `gone.ts` `lib/gone.ts` `src/a b` `src/x.ts`';
    expect(pathFaults(page(text), repository)).to.deep.equal([
      'docs/page.md:1: there is no src/gone.ts',
      'docs/page.md:1: there is no src/gone',
      'docs/page.md:1: there is no file gone.ts',
    ]);
    expect(scriptFaults(page('`npm run docs -- --check`\n\n```sh\nnpm run -s gone\n```\n'), repository)).to.deep.equal([
      'docs/page.md:3: there is no script gone',
    ]);
  });

  it('follows links from page to page', () => {
    const start = parsePage('start.md', '[a](docs/other.md) [b](https://example.com)');
    const far = parsePage('docs/far.md', '');
    const all = { ...repository, pages: new Map([start, other, far].map((one) => [one.file, one])) };
    expect([...reachable('start.md', all)]).to.deep.equal(['start.md', 'docs/other.md']);
  });
});
