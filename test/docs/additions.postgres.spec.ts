import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type Addition, touched } from './additions/addition.ts';
import { type Copy, copyOfSources } from './additions/copy.ts';
import { command, rule, secondVersion } from './additions/events.ts';
import { query, reaction, readModel } from './additions/followers.ts';
import { ROOT } from './page.ts';

const PAGE = 'docs/how-to/add-something.md';
const TIMEOUT_MS = 300_000;

interface Promised {
  readonly count: number;
  /** As in the table: `aggregates/x.ts`. */
  readonly files: readonly string[];
}

/** What the table of the page says of a row. */
function promised(row: string): Promised {
  const lines = readFileSync(path.join(ROOT, PAGE), 'utf8').split('\n');
  const found = lines.filter((line) => new RegExp(`^\\| \\[?${row}[\\],]`).test(line));
  if (found.length !== 1) throw new Error(`${PAGE} has ${found.length} rows that begin with "${row}"`);
  const cell = found[0]!.split(' | ')[1] ?? '';
  return { count: Number.parseInt(cell, 10), files: [...cell.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file) };
}

const nameOf = (file: string): string => file.replace(/^src\//, '');
const fits = (file: string, pattern: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\bx\\/, '\\w+\\')}$`).test(nameOf(file));

function apply(copy: Copy, { change, tests = [] }: Addition, except?: object): void {
  for (const edit of [...change.edits, ...tests]) if (edit !== except) copy.edit(edit);
  for (const file of change.files ?? []) copy.write(file);
}

describe('adding something', function () {
  this.timeout(TIMEOUT_MS);
  let copy: Copy;
  before(async () => {
    copy = copyOfSources();
    expect(await copy.types()).to.deep.equal([]);
  });
  afterEach(() => copy.restore());
  after(() => copy.remove());

  for (const addition of [rule, command, query, readModel, reaction, secondVersion]) {
    const { row, forgotten, spec, affected } = addition;

    it(`${row} touches the files that the page promises`, () => {
      const { count, files } = promised(row);
      const found = touched(addition);
      expect(found).to.have.length(count);
      for (const file of found.filter((name) => name.startsWith('src/'))) {
        expect(
          files.some((pattern) => fits(file, pattern)),
          `${file} is one of ${files.join(', ')}`,
        ).to.equal(true);
      }
    });

    if (forgotten !== undefined) {
      it(`${row} does not compile when a part is forgotten`, async () => {
        apply(copy, addition, forgotten.edit);
        const complaints = await copy.types();
        expect(
          complaints.filter((complaint) => forgotten.complaint.test(complaint)),
          complaints.join('\n'),
        ).to.not.be.empty;
      });
    }

    it(`${row} compiles, and its tests pass`, async () => {
      copy.write(spec);
      const before = await copy.specs([spec.file]);
      expect(before.passed, 'its test before it').to.equal(false);
      apply(copy, addition);
      expect(await copy.types()).to.deep.equal([]);
      if (addition.docs) {
        const docs = await copy.docs();
        expect(docs.passed, docs.output).to.equal(true);
      }
      const after = await copy.specs([spec.file, ...affected]);
      expect(after.passed, after.output).to.equal(true);
    });
  }
});
