import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { runCartulary, temporaryFolder } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';
import { openWorld, type World } from './world.ts';

describe('an export that is not whole', function () {
  this.timeout(60_000);
  const folder = temporaryFolder('damaged');
  const file = (ending: string): string => path.join(folder, `${randomUUID()}${ending}`);
  let world: World;
  let packed: Buffer;
  let text: string;
  before(async () => {
    world = await openWorld();
    await world.people.seller('Ada');
    const made = file('.gz');
    expect((await world.run(['export', made])).code).to.equal(0);
    packed = readFileSync(made);
    text = gunzipSync(packed).toString();
  });
  after(() => world.close());

  const lines = (): string[] => text.trimEnd().split('\n');
  const joined = (all: readonly string[]): Buffer => Buffer.from(`${all.join('\n')}\n`);
  const replaced = (pattern: RegExp, by: string): Buffer => Buffer.from(text.replace(pattern, by));

  /** Imports into a folder that is not there, and expects that none is made and no copy of the input is left. */
  async function refused(content: Buffer, reason: string, { env = {}, stdin = false, code = 1 } = {}): Promise<void> {
    const dataDir = path.join(folder, randomUUID());
    const temporary = mkdtempSync(path.join(folder, 'tmp-'));
    const given = stdin ? '-' : file('.ndjson');
    if (!stdin) writeFileSync(given, content);
    const settings = { DATA_DIR: dataDir, TMPDIR: temporary, JWT_SECRET, MASTER_KEY, ...env };
    const input = stdin ? { input: content.toString() } : {};
    const result = await runCartulary(['import', 'events', given], { env: settings, ...input });
    expect(result.code, result.output).to.equal(code);
    expect(result.output).to.contain(reason);
    expect(existsSync(dataDir)).to.equal(false);
    expect(readdirSync(temporary)).to.deep.equal([]);
  }

  const damages: Readonly<Record<string, readonly [damage: () => Buffer, reason: string]>> = {
    'half of a packed file': [() => packed.subarray(0, packed.length >> 1), 'cut off'],
    'a packed file without its last bytes': [() => packed.subarray(0, -4), 'cut off'],
    'a packed file with one byte changed': [
      () => packed.map((byte, at) => (at === packed.length - 6 ? byte ^ 1 : byte)) as Buffer,
      'damaged',
    ],
    'the last line cut': [() => Buffer.from(text.slice(0, -9)), 'cut off in the middle of a line'],
    'the last line end missing': [() => Buffer.from(text.slice(0, -1)), 'cut off in the middle of a line'],
    'no last line': [() => joined(lines().slice(0, -1)), 'was cut off after'],
    'no number of events': [() => replaced(/"events":\d+,"log_hash"/, '"log_hash"'), 'says that it has'],
    'another number of events': [
      () => replaced(/"events":\d+,"log_hash"/, '"events":1,"log_hash"'),
      'says that it has',
    ],
    'no hash': [() => replaced(/"log_hash":"\w+",/, ''), 'this is no line of an export'],
    'one byte of an event changed': [() => replaced(/UserRegistered/, 'UserRegisteree'), 'the hash differs'],
    'one byte of the header changed': [() => replaced(/"made_at":"2/, '"made_at":"1'), 'the hash of the file differs'],
    'an event packed twice': [() => gzipSync(joined(lines().toSpliced(5, 0, lines()[5]!))), 'comes after'],
  };
  for (const [name, [damage, reason]] of Object.entries(damages)) {
    it(`makes no shop: ${name}`, () => refused(damage(), reason));
  }

  it('makes no shop when it comes by stdin, and leaves no copy of it', async () => {
    await refused(joined(lines().slice(0, -1)), 'was cut off after', { stdin: true });
    await refused(Buffer.from('sku,name\n'), 'stdin is no export of Cartulary', { stdin: true });
  });

  it('makes no shop with another master key, with none, or in another currency', async () => {
    const whole = Buffer.from(text);
    const other = Buffer.alloc(32, 9).toString('base64');
    await refused(whole, 'MASTER_KEY does not open the keys of this export', { env: { MASTER_KEY: other } });
    await refused(whole, 'none is set here', { env: { MASTER_KEY: undefined } });
    await refused(whole, 'import it with CURRENCY=USD', { env: { CURRENCY: 'JPY' }, code: 78 });
  });
});
