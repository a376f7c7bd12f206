import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

const SRC = path.resolve(import.meta.dirname, '../src');
const LINES_MAX = 250;

/**
 * The rooms (parts) of `src`, lowest first, and the rooms that each may import. A room imports only rooms above it in this list,
 * so no two rooms import each other. `~` allows types alone. A folder that is not listed belongs to the room around it.
 */
const MAY_IMPORT: Readonly<Record<string, string>> = {
  errors: '',
  schema: '',
  config: 'errors',
  platform: 'errors ~config',
  'platform/postgres': 'errors platform ~config',
  'platform/redis': 'errors platform',
  eventstore: 'errors platform platform/postgres',
  'eventstore/postgres': 'errors platform platform/postgres eventstore',
  'eventstore/eventstoredb': 'errors platform eventstore',
  cache: 'errors platform',
  'engine/follow': 'errors platform platform/postgres eventstore',
  'engine/project': 'errors platform platform/postgres eventstore engine/follow ~cache',
  'engine/rebuild': 'errors platform platform/postgres eventstore engine/follow engine/project',
  'engine/decide': 'errors platform eventstore engine/project',
  'engine/ask': 'errors platform eventstore engine/decide engine/project ~cache',
  bus: 'errors platform platform/postgres eventstore engine/follow',
  'bus/nats': 'errors platform platform/postgres eventstore engine/follow bus',
  'engine/react': 'errors platform eventstore engine/decide ~bus',
  'cache/redis': 'errors platform platform/redis cache engine/ask engine/decide',
  backup: 'errors platform platform/postgres eventstore engine/follow',
  aggregates: 'errors ~engine/decide ~eventstore',
  pictures: 'errors platform ~platform/postgres aggregates',
  projections: 'aggregates engine/project eventstore',
  queries:
    'errors schema platform eventstore aggregates projections engine/ask engine/decide engine/follow engine/project',
  commands: 'errors schema platform eventstore aggregates pictures projections queries engine/decide engine/project',
  handlers:
    'errors platform platform/postgres eventstore aggregates commands engine/decide engine/follow engine/react ~bus ~config',
  http: 'errors schema platform platform/postgres platform/redis eventstore ~pictures commands projections queries engine/ask engine/decide engine/follow engine/project ~cache ~config',
};
/** The only rooms that wire the others together. They may import any room. */
const COMPOSERS = new Set(['compose', 'main', 'workers', 'cli']);
/** The engine runs any domain, so it imports nothing of this one. */
const SHOP = new Set(['aggregates', 'commands', 'queries', 'projections', 'handlers', 'http', 'schema']);
/**
 * The only files that read the wall clock, each with the reason. A wall clock can be set, and those of two processes differ: it dates
 * events and says from when something is due. It measures no interval, and decides nothing about what came first.
 */
const WALL_CLOCK: Readonly<Record<string, string>> = {
  'backup/exportLog.ts': 'dates an export, for people',
  'cli/importProducts.ts': 'dates the events of imported products',
  'cli/pictures.ts': 'finds files that are older than hours',
  'cli/workers.ts': 'dates the events of reactions that a command runs',
  'compose/parts.ts': 'dates the events of reactions',
  'compose/shop.ts': 'dates the events of commands from the command line',
  'engine/ask/ask.ts': 'tells queries the present instant, to show what is over',
  'handlers/deadlines.ts': 'a deadline is an instant: nothing happens before it, and a little later does no harm',
  'http/app.ts': 'dates the events of requests',
  'http/auth/revocation.ts':
    'leaves out, at start, revocations of the past by more than an hour beyond what a token lives',
  'http/auth/tokens.ts': 'the expiry of a token is an instant, by RFC 7519',
  'platform/lock.ts': 'touches a lock file; the time is compared only with itself',
  'platform/log.ts': 'dates the lines of the log',
};
/** The packages that aggregates import, each with the reason: they must be pure, like the aggregates. */
const PURE_PACKAGES: Readonly<Record<string, string>> = {
  'libphonenumber-js/max': 'reads a phone number by tables of its own',
};
interface Import {
  readonly from: string;
  readonly to: string;
  readonly types: boolean;
  readonly file: string;
  /** The file that is imported. */
  readonly target: string;
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: file.split(path.sep).join('/'), text: readFileSync(path.join(SRC, file), 'utf8') }));

/** The innermost listed room that contains a file; otherwise its first folder. */
function roomOf(file: string): string {
  const parts = file.replace(/\.ts$/, '').split('/');
  for (let length = Math.min(parts.length, 2); length > 1; length -= 1) {
    const room = parts.slice(0, length).join('/');
    if (room in MAY_IMPORT) return room;
  }
  return parts[0] ?? '';
}

/** Static, dynamic and re-exporting imports of our own files; `import { type A }` counts as a value import. */
const imports: Import[] = sources.flatMap(({ file, text }) => {
  const found = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'(\.[^']+)'/g);
  return [...found].map((match) => {
    const before = text.slice(0, match.index);
    const statement = before.slice(Math.max(before.lastIndexOf('import '), before.lastIndexOf('export ')));
    const target = path.posix.join(path.posix.dirname(file), match[1] ?? '');
    return { file, from: roomOf(file), to: roomOf(target), target, types: /^(im|ex)port type\b/.test(statement) };
  });
});

const allowed = ({ from, to, types }: Import): boolean => {
  const listed = MAY_IMPORT[from];
  if (from === to || listed === undefined) return true;
  const names = listed.split(' ');
  return names.includes(to) || (types && names.includes(`~${to}`));
};

/** The files on import cycles, or on paths between two cycles. Repeatedly removes files without imports and files that no file imports. */
function circleAmong(all: readonly Import[]): string[] {
  let edges = all;
  for (;;) {
    const importing = new Set(edges.map(({ file }) => file));
    const imported = new Set(edges.map(({ target }) => target));
    const left = edges.filter(({ file, target }) => importing.has(target) && imported.has(file));
    if (left.length === edges.length) return [...importing].sort();
    edges = left;
  }
}

const without = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:[^'\\\n]|\\.)*'/gm, '');

const offending = (pattern: RegExp, among: (file: string) => boolean): string[] =>
  sources.filter(({ file, text }) => among(file) && pattern.test(without(text))).map(({ file }) => file);

describe('the architecture', () => {
  it('has main.ts, errors.ts and schema.ts at the root of src, and nothing else', () => {
    expect(
      sources
        .filter(({ file }) => !file.includes('/'))
        .map(({ file }) => file)
        .sort(),
    ).to.deep.equal(['errors.ts', 'main.ts', 'schema.ts']);
  });

  it('has imports pointing one way', () => {
    expect(imports.length).to.be.greaterThan(100);
    const wrong = imports
      .filter((one) => !allowed(one))
      .map(({ file, to, types }) => `${file} → ${to}${types ? ' (type)' : ''}`);
    expect(wrong).to.deep.equal([]);
  });

  it('has no two files that import each other, however far around, not even for types', () => {
    expect(circleAmong(imports)).to.deep.equal([]);
    const edge = (file: string, to: string): Import => ({ file, target: to, from: '', to: '', types: true });
    expect(circleAmong([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).to.deep.equal(['b', 'c']);
  });

  it('names every room of the sources', () => {
    const unnamed = [...new Set(sources.map(({ file }) => roomOf(file)))].filter(
      (room) => !(room in MAY_IMPORT) && !COMPOSERS.has(room),
    );
    expect(unnamed).to.deep.equal([]);
  });

  it('lists rooms in the order of their imports', () => {
    const rooms = Object.keys(MAY_IMPORT);
    const later = Object.entries(MAY_IMPORT).flatMap(([room, names]) =>
      names
        .split(' ')
        .map((name) => name.replace('~', ''))
        .filter((name) => name !== '' && !(rooms.indexOf(name) >= 0 && rooms.indexOf(name) < rooms.indexOf(room)))
        .map((name) => `${room} → ${name}`),
    );
    expect(later).to.deep.equal([]);
  });

  it('has an engine that knows no shop', () => {
    const wrong = imports.filter(({ from, to }) => from.startsWith('engine/') && SHOP.has(to));
    expect(wrong.map(({ file, to }) => `${file} → ${to}`)).to.deep.equal([]);
    expect(
      Object.entries(MAY_IMPORT).filter(
        ([room, names]) =>
          room.startsWith('engine/') && names.split(' ').some((name) => SHOP.has(name.replace('~', ''))),
      ),
    ).to.deep.equal([]);
  });

  it('lets only the composers import the edge or load the settings', () => {
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
        [...text.matchAll(/^import (?!type)[^;]*from '([^.'][^']*)'/gm)]
          .filter(([, name = '']) => !Object.hasOwn(PURE_PACKAGES, name))
          .map((found) => `${file}: ${found[1] ?? ''}`),
      );
    expect(packages).to.deep.equal([]);
  });

  it('reads the wall clock only where an instant is meant, and says why', () => {
    const reading = /\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )\bDate\(/;
    expect(offending(reading, () => true).sort()).to.deep.equal(Object.keys(WALL_CLOCK));
  });

  it('reads the environment in one place', () => {
    expect(offending(/process\s*\.\s*env|process\s*\[/, (file) => file !== 'config/config.ts')).to.deep.equal([]);
  });

  it('asks for the log by its port, nowhere by its tables', () => {
    const tables = /\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:events|store_head)\b/;
    expect(tables.test(sources.find(({ file }) => file === 'eventstore/postgres/reads.ts')!.text)).to.equal(true);
    const wrong = sources.filter(({ file, text }) => !file.startsWith('eventstore/') && tables.test(text));
    expect(wrong.map(({ file }) => file)).to.deep.equal([]);
  });

  it('names no schema in its SQL: names stand in the schema that every connection pins', () => {
    const naming = /"public"\.|(?<![.\w])public\.["a-z]|\b(?:CREATE|SET) SCHEMA\b|\bschemaname\b|\btable_schema\b/;
    expect(naming.test('SELECT 1 FROM public.orders')).to.equal(true);
    const wrong = sources.filter(({ text }) => naming.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')));
    expect(wrong.map(({ file }) => file)).to.deep.equal([]);
  });

  // The probe is the exception: its one statement relies on no setting.
  it('opens every connection to Postgres as a session, which pins its settings', () => {
    const opening = /\bnew (?:pg\.)?(?:Client|Pool)\(|\bextends pg\.|\bconnection: \{/;
    expect(offending(opening, (file) => file.startsWith('platform/postgres/')).sort()).to.deep.equal([
      'platform/postgres/pool.ts',
      'platform/postgres/probe.ts',
      'platform/postgres/session.ts',
    ]);
    expect(offending(opening, (file) => !file.startsWith('platform/postgres/'))).to.deep.equal([]);
  });

  it('speaks to the terminal on the command line alone', () => {
    expect(offending(/\bconsole\b/, (file) => !file.startsWith('cli/'))).to.deep.equal([]);
  });

  /** Files that `npm run docs` makes. */
  const MADE: ReadonlySet<string> = new Set(['http/pages/rules.ts']);

  it(`has no file longer than ${LINES_MAX} lines`, () => {
    const long = sources
      .filter(({ file }) => !MADE.has(file))
      .filter(({ text }) => text.trimEnd().split('\n').length > LINES_MAX)
      .map(({ file }) => file);
    expect(long).to.deep.equal([]);
  });

  it('sees what it forbids', () => {
    const one = (from: string, to: string, types: boolean): boolean =>
      allowed({ from, to, types, file: '', target: '' });
    expect(one('engine/decide', 'schema', true)).to.equal(false);
    expect(one('engine/project', 'cache', true)).to.equal(true);
    expect(one('engine/project', 'engine/rebuild', false)).to.equal(false);
    expect(roomOf('engine/decide/handle.ts')).to.equal('engine/decide');
    expect(roomOf('http/api/router.ts')).to.equal('http');
    expect(without(`const a = 'Date'; // async\n/* await */ b`)).not.to.match(/Date|async|await/);
  });
});
