import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

const SRC = path.resolve(import.meta.dirname, '../../src');
const LINES_MAX = 300;

/**
 * What each part of `src` may import from the others; a `~` allows types alone. `errors`, `failpoint`, `ids`, `trace` are everybody's,
 * and so is the type of a logger, except in the aggregates, which are pure. What is not listed here may import anything.
 */
const MAY_IMPORT: Readonly<Record<string, string>> = {
  aggregates: 'errors',
  views: 'aggregates schema ~projections',
  cache: 'redis',
  postgres: 'lock secrets ~config',
  eventstore: 'postgres ~aggregates ~commands',
  checkpoints: 'eventstore postgres',
  commands: 'aggregates eventstore projections schema views',
  projections: 'aggregates checkpoints eventstore postgres ~cache',
  queries: 'aggregates commands eventstore projections redis schema views ~cache',
  moving: 'checkpoints eventstore postgres',
  bus: 'checkpoints eventstore postgres',
  handlers: 'aggregates bus checkpoints commands eventstore postgres ~config',
  http: 'checkpoints commands eventstore postgres projections queries redis schema ~cache ~config',
  redis: '',
  errors: '',
  failpoint: '',
  ids: '',
  trace: '',
  tracing: 'trace ~config',
  schema: '',
  log: '',
  undoing: '',
  lock: '',
  settings: '',
  config: 'contradictions settings',
  contradictions: '~config',
  secrets: 'lock ~config',
};
const EVERYBODYS = new Set(['errors', 'failpoint', 'ids', 'trace']);
/** The only ones that join parts, and so may import the edge, and the settings as more than a type. */
const COMPOSERS = new Set(['main', 'roles', 'shop', 'observe', 'workers', 'cli']);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly types: boolean;
  readonly file: string;
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: file.split(path.sep).join('/'), text: readFileSync(path.join(SRC, file), 'utf8') }));

const partOf = (file: string): string => (file.split('/')[0] ?? '').replace(/\.ts$/, '');

/** Static, dynamic and re-exporting imports of our own files; `import { type A }` counts as more than a type. */
const imports: Import[] = sources.flatMap(({ file, text }) => {
  const found = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'(\.[^']+)'/g);
  return [...found].map((match) => {
    const before = text.slice(0, match.index);
    const statement = before.slice(Math.max(before.lastIndexOf('import '), before.lastIndexOf('export ')));
    const target = path.posix.join(path.posix.dirname(file), match[1] ?? '');
    return { file, from: partOf(file), to: partOf(target), types: /^(im|ex)port type\b/.test(statement) };
  });
});

const allowed = ({ from, to, types }: Import): boolean => {
  const listed = MAY_IMPORT[from];
  if (from === to || listed === undefined) return true;
  const names = listed.split(' ');
  const everybodys = from !== 'aggregates' && (EVERYBODYS.has(to) || (to === 'log' && types));
  return everybodys || names.includes(to) || (types && names.includes(`~${to}`));
};

const without = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:[^'\\\n]|\\.)*'/gm, '');

const offending = (pattern: RegExp, among: (file: string) => boolean): string[] =>
  sources.filter(({ file, text }) => among(file) && pattern.test(without(text))).map(({ file }) => file);

describe('the architecture', () => {
  it('has imports pointing one way', () => {
    expect(imports.length).to.be.greaterThan(100);
    const wrong = imports
      .filter((one) => !allowed(one))
      .map(({ file, to, types }) => `${file} → ${to}${types ? ' (type)' : ''}`);
    expect(wrong).to.deep.equal([]);
  });

  it('names every part of the sources', () => {
    const unnamed = [...new Set(sources.map(({ file }) => partOf(file)))].filter(
      (part) => !(part in MAY_IMPORT) && !COMPOSERS.has(part),
    );
    expect(unnamed).to.deep.equal([]);
  });

  it('lets nobody but the composition root and the command line import the edge or load the settings', () => {
    const wrong = imports
      .filter(({ from, to, types }) => from !== to && (to === 'http' || (to === 'config' && !types)))
      .filter(({ from }) => !COMPOSERS.has(from))
      .map(({ file, to }) => `${file} → ${to}`);
    expect(wrong).to.deep.equal([]);
  });

  it('keeps the aggregates pure: no clock, no chance, no waiting, no surroundings', () => {
    const impure =
      /\b(async|await|Promise|process|globalThis|Date|performance|fetch|setTimeout|console|crypto)\b|Math\.random/;
    expect(offending(impure, (file) => file.startsWith('aggregates/'))).to.deep.equal([]);
    const packages = sources
      .filter(({ file }) => file.startsWith('aggregates/'))
      .flatMap(({ file, text }) =>
        [...text.matchAll(/^import (?!type)[^;]*from '([^.'][^']*)'/gm)].map((found) => `${file}: ${found[1] ?? ''}`),
      );
    expect(packages).to.deep.equal([]);
  });

  it('reads the environment in one place', () => {
    expect(offending(/process\s*\.\s*env|process\s*\[/, (file) => file !== 'config.ts')).to.deep.equal([]);
  });

  it('asks for the log by its port, nowhere by its tables', () => {
    const tables = /\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:events|store_head)\b/;
    expect(tables.test(sources.find(({ file }) => file === 'eventstore/postgresReads.ts')!.text)).to.equal(true);
    const wrong = sources.filter(({ file, text }) => !file.startsWith('eventstore/') && tables.test(text));
    expect(wrong.map(({ file }) => file)).to.deep.equal([]);
  });

  it('speaks to the terminal on the command line alone', () => {
    expect(offending(/\bconsole\b/, (file) => !file.startsWith('cli/'))).to.deep.equal([]);
  });

  it(`has no file longer than ${LINES_MAX} lines`, () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > LINES_MAX).map(({ file }) => file);
    expect(long).to.deep.equal([]);
  });

  it('sees what it forbids', () => {
    const one = (from: string, to: string, types: boolean): boolean => allowed({ from, to, types, file: '' });
    expect(one('aggregates', 'log', true)).to.equal(false);
    expect(one('commands', 'http', true)).to.equal(false);
    expect(one('eventstore', 'commands', true)).to.equal(true);
    expect(one('eventstore', 'commands', false)).to.equal(false);
    expect(without(`const a = 'Date'; // async\n/* await */ b`)).not.to.match(/Date|async|await/);
  });
});
