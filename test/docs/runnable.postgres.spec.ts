import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { isAlive } from '../../src/platform/lock.ts';
import { usedDataDir } from '../support/embedded.ts';
import { eventually } from '../support/eventually.ts';
import { spawnServer, temporaryFolder } from '../support/process.ts';
import { parsePage, readPage, ROOT, type Page } from './page.ts';
import { READER_SETTINGS, runPage, SHELLS, type Shell } from './session.ts';
import { stepsOf, type Step } from './steps.ts';

const PAGE_TIMEOUT_MS = 180_000;
const BESIDE_MAX = 2;
/** The only difference to a reader's shop; it cannot be seen. */
const QUICKER = { BCRYPT_COST: '4' };
const FOLDERS = ['docs/tutorial', 'docs/how-to'];
/** Pages that would be of no use without something to run. */
const MUST_RUN = ['README.md', 'docs/tutorial/your-first-shop.md'];

const files = [
  'README.md',
  ...FOLDERS.flatMap((folder) => readdirSync(path.join(ROOT, folder)).map((name) => `${folder}/${name}`)),
].filter((file) => file.endsWith('.md'));
const pages = files.map(readPage).filter((page) => stepsOf(page).length > 0);

/** On a shop that nobody has been in, but that has been started before, which is quicker. */
async function onFreshShop(page: Page): Promise<void> {
  const dataDir = await usedDataDir();
  const server = await spawnServer({
    env: { ...READER_SETTINGS, ...QUICKER, HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir },
  });
  try {
    await runPage(page, { API: `${server.url}/api/v1`, DATA_DIR: dataDir, ...QUICKER });
  } finally {
    await server.end('SIGTERM');
    await rm(dataDir, { recursive: true, force: true });
  }
}

const runAsMarked = (page: Page): Promise<void> =>
  stepsOf(page).every(({ offline }) => offline) ? runPage(page, {}) : onFreshShop(page);

/** Starts all pages, a few at a time: most of what they do is to wait for a program to start. */
function startPages(): Map<Page, Promise<void>> {
  const lanes = Array.from({ length: BESIDE_MAX }, () => Promise.resolve());
  return new Map(
    pages.map((page, index) => {
      const lane = index % BESIDE_MAX;
      const run = lanes[lane]!.then(() => runAsMarked(page));
      lanes[lane] = run.catch(() => undefined);
      return [page, run];
    }),
  );
}

describe('the shell blocks of the documents', function () {
  this.timeout(PAGE_TIMEOUT_MS);
  let runs: Map<Page, Promise<void>>;
  before(() => {
    runs = startPages();
  });

  it('are where a reader begins', () => {
    expect(pages.map(({ file }) => file)).to.include.members(MUST_RUN);
  });

  for (const page of pages) it(`${page.file} prints what it says`, () => runs.get(page));
});

describe("the README's journey", function () {
  this.timeout(2 * PAGE_TIMEOUT_MS);

  it('works in bash, dash and zsh, and again in a shop where it was made before', async () => {
    const page = readPage('README.md');
    const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).error === undefined;
    const shells = (Object.keys(SHELLS) as Shell[]).filter(isThere);
    const absent = Object.keys(SHELLS).filter((shell) => !isThere(shell));
    if (absent.length > 0)
      console.error(`\n  NOT TRIED: the README in ${absent.join(' and ')}, which this machine lacks\n`);
    const dataDir = await usedDataDir();
    const server = await spawnServer({
      env: { ...READER_SETTINGS, ...QUICKER, HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir },
    });
    try {
      const env = { API: `${server.url}/api/v1`, DATA_DIR: dataDir, ...QUICKER };
      // The shop has the sample data after the first time, so that block prints something else then.
      const judged = ({ prints }: Step): boolean => prints?.text.startsWith('paid') === true;
      for (const shell of shells) await runPage(page, env, { shell, judged });
    } finally {
      await server.end('SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

describe('the runner of shell blocks', () => {
  const run = (text: string): Promise<void> => runPage(parsePage('page.md', text), {});
  const block = (code: string, prints?: string): string =>
    `<!-- runnable: offline -->\n\`\`\`sh\n${code}\n\`\`\`\n${
      prints === undefined ? '' : `\n<!-- prints -->\n\`\`\`text\n${prints}\n\`\`\`\n`
    }`;
  const failureOf = async (text: string): Promise<string> => {
    try {
      await run(text);
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };

  it('lets the blocks of a page share a session, and puts their files nowhere else', async () => {
    const text = `${block('A=1; echo $A > made.txt')}\n\n${block('echo "$A and $(cat made.txt)"; echo no >&2', '1 and …')}`;
    expect(await failureOf(text)).to.equal('none');
    expect(readdirSync(ROOT)).to.not.include('made.txt');
  });

  it('tells which block failed, and which printed something else', async () => {
    expect(await failureOf(`one\n\n${block('true')}\n${block('echo so far; false\necho never')}`)).to.match(
      /^page\.md:9: failed \(1\):[\s\S]*so far\n*$/,
    );
    expect(await failureOf(block('echo "$UNSET"'))).to.contain('page.md: line 3: UNSET: unbound variable');
    expect(await failureOf(block('false | cat'))).to.contain('page.md:2: failed (1)');
    expect(await failureOf(block('echo two', 'one'))).to.equal('page.md:7: the block of line 2 printed something else');
    expect(await failureOf(`${block('echo two', 'one')}\n${block('false')}`)).to.contain('page.md:7: the block');
  });

  it('ends what a page leaves running', async () => {
    const file = path.join(temporaryFolder('left'), 'pid');
    await runPage(parsePage('page.md', block('sleep 60 & echo $! > "$PID_FILE"')), { PID_FILE: file });
    const pid = Number(readFileSync(file, 'utf8'));
    expect(pid).to.be.greaterThan(1);
    await eventually('it has ended', () => Promise.resolve(isAlive(pid) ? undefined : true));
  });
});
