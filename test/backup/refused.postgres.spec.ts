import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { CURRENCY_STREAM } from '../../src/aggregates/currency.ts';
import { verifyExport } from '../../src/backup/readExport.ts';
import { acquireLease } from '../../src/engine/follow/lease.ts';
import { silent } from '../engine/project/example.ts';
import { MASTER_KEY, openWriteSide } from '../support/shop.ts';
import type { World } from '../cli/world.ts';
import { altered, emptyPlace, newFile, rehashed, smallShop, textOf, type Place } from './world.ts';

const masterKey = Buffer.from(MASTER_KEY, 'base64');
/** A whole export has some ten thousand bytes: every seventh or so is tried. */
const BYTES_BETWEEN = 61;

describe('an import', function () {
  this.timeout(120_000);
  let world: World;
  let file: string;
  let events: number;
  let hash: string;
  let target: Place;

  before(async () => {
    world = await smallShop();
    file = newFile();
    const { code, answer, output } = await world.run(['export', file, '--json']);
    expect(code, output).to.equal(0);
    ({ events, log_hash: hash } = JSON.parse(answer));
  });
  after(() => world.close());
  beforeEach(async () => {
    target = await emptyPlace();
  });
  afterEach(() => target.drop());

  const onTarget = async <T>(work: (shop: Awaited<ReturnType<typeof openWriteSide>>) => Promise<T>): Promise<T> => {
    const shop = await openWriteSide(target.url, {}, { readOnly: true });
    try {
      return await work(shop);
    } finally {
      await shop.close();
    }
  };
  const isUntouched = (): Promise<void> =>
    onTarget(async ({ store, pool }) => {
      expect((await store.head()).position).to.equal(0n);
      for (const table of ['subject_keys', 'checkpoints']) {
        expect((await pool.query(`SELECT 1 FROM ${table}`)).rows, table).to.deep.equal([]);
      }
    });

  it('finds each single byte of a file that is not as it was', async () => {
    const whole = await readFile(file);
    const options = { masterKey, apart: CURRENCY_STREAM };
    for (let at = 0; at < whole.length; at += BYTES_BETWEEN) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      const copy = newFile();
      await writeFile(copy, changed);
      const found = await verifyExport(copy, options).catch((error: unknown) => error);
      expect(found, `byte ${at}: ${whole.subarray(Math.max(0, at - 20), at + 20).toString()}`).to.be.instanceOf(Error);
    }
    expect((await verifyExport(file, options)).trailer.events).to.equal(events);
  });

  it('takes an export of an earlier version, which wrote no hash of the file', async () => {
    const earlier = await altered(file, (lines) => lines.with(-1, lines.at(-1)!.replace(/,"file_hash":"\w+"/, '')));
    expect((await textOf(earlier)).includes('file_hash')).to.equal(false);
    expect(await target.json('import', 'events', earlier)).to.include({ events, log_hash: hash });
  });

  describe('is refused, and nothing is changed,', () => {
    const cut = async (bytes: number, of = file): Promise<string> => {
      const copy = newFile(of.endsWith('.gz') ? '.gz' : '.ndjson');
      await writeFile(copy, (await readFile(of)).subarray(0, bytes));
      return copy;
    };
    const packed = async (): Promise<string> => {
      const made = newFile('.gz');
      await world.run(['export', made]);
      return made;
    };
    const half = async (of: string): Promise<number> => Math.floor((await readFile(of)).length / 2);
    const cases: Record<string, { made: () => Promise<string>; reason: string }> = {
      'cut off in a line': { made: async () => cut(await half(file)), reason: 'cut off in the middle of a line' },
      'cut off between lines': {
        made: () => altered(file, (lines) => lines.slice(0, -4)),
        reason: 'was cut off after',
      },
      'packed and cut off': {
        made: async () => {
          const made = await packed();
          return cut(await half(made), made);
        },
        reason: 'cut off',
      },
      'with an event missing': {
        made: () => altered(file, (lines) => lines.toSpliced(7, 1)),
        reason: 'says that it has',
      },
      'with a key missing': { made: () => altered(file, (lines) => lines.toSpliced(1, 1)), reason: 'says that it has' },
      'with an event changed': {
        made: () => altered(file, (lines) => lines.map((line) => line.replace('Quill of Sid', 'Quill of Tom'))),
        reason: 'the hash differs',
      },
      'with two events exchanged': {
        made: () => altered(file, (lines) => lines.with(5, lines[6]!).with(6, lines[5]!)),
        reason: 'comes after',
      },
      'with something after its end': {
        made: () => altered(file, (lines) => [...lines, lines[5]!]),
        reason: 'not in order',
      },
      'of another format': {
        made: () => altered(file, ([first, ...rest]) => [first!.replace('"format":1', '"format":2'), ...rest]),
        reason: 'its format is 2; this version knows 1',
      },
      'when it is none': { made: () => altered(file, () => ['{"a":1}']), reason: 'this is no line of an export' },
      'when it is empty': { made: () => cut(0), reason: 'the export is empty' },
    };
    for (const [what, { made, reason }] of Object.entries(cases)) {
      it(what, async () => {
        const { code, output } = await target.run(['import', 'events', await made()]);
        expect(code, output).to.equal(1);
        expect(output).to.contain(reason);
        await isUntouched();
      });
    }

    it('with an event that no log takes, found before the events in front of it are stored', async () => {
      const made = await rehashed(file, (event, at) => (at === 9 ? { ...event, data: { text: 'a\u0000b' } } : event));
      const { code, output } = await target.run(['import', 'events', made]);
      expect(code, output).to.equal(1);
      expect(output).to.match(/line \d+: no log takes \S+ #\d+ \(event [0-9a-f-]{36}\): .*NUL/);
      await isUntouched();
    });

    it('under another master key', async () => {
      const env = { MASTER_KEY: Buffer.alloc(32, 8).toString('base64') };
      const { code, output } = await target.run(['import', 'events', file], { env });
      expect(code).to.equal(1);
      expect(output).to.contain('MASTER_KEY does not open the keys of this export');
      await isUntouched();
    });

    it('by a log that holds something else, which stays as it is', async () => {
      const other = await smallShop();
      const { code, output } = await other.run(['import', 'events', file]);
      expect(code).to.equal(1);
      expect(output).to.contain('this log holds something else than the export: at event 1 it has claim-');
      expect((await other.shop.pool.query('SELECT 1 FROM checkpoints')).rows).to.deep.equal([]);
      await other.close();
    });

    it('while a shop runs on the database', async () => {
      await onTarget(async ({ store, pool }) => {
        const lease = await acquireLease(pool, { name: 'projection:orders', owner: 'me', store, log: silent });
        const { code, output } = await target.run(['import', 'events', file]);
        expect(code).to.equal(1);
        expect(output).to.contain('beside a running shop (projection:orders is at work). Stop it first.');
        await lease!.release();
      });
    });
  });
});
