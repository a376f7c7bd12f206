import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/process.ts';

/** A block of code that a page takes from a source: `<!-- from: path#region -->` right before it. */
const INCLUDED = /<!-- from: (\S+)#(\w+) -->\n```ts\n([\s\S]*?)\n```/g;

const pages = readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(path.join(ROOT, 'docs', file), 'utf8') }));

function regionOf(source: string, name: string): string | undefined {
  const text = readFileSync(path.join(ROOT, source), 'utf8');
  return new RegExp(`// #region ${name}\\n([\\s\\S]*?)// #endregion`).exec(text)?.[1]?.trim();
}

describe('code that a page shows', () => {
  const blocks = pages.flatMap(({ file, text }) =>
    [...text.matchAll(INCLUDED)].map(([, source = '', region = '', code = '']) => ({ file, source, region, code })),
  );

  it('is found', () => {
    const marks = pages.flatMap(({ text }) => [...text.matchAll(/<!-- from: /g)]);
    expect(blocks).to.have.length(marks.length);
    expect(blocks.map(({ region }) => region)).to.include.members(['decider', 'projection', 'contracts', 'reaction']);
  });

  for (const { file, source, region, code } of blocks) {
    it(`is that of ${source}#${region}, in docs/${file}`, () => {
      expect(code).to.equal(regionOf(source, region));
    });
  }
});
