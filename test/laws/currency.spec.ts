import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { runCartulary, spawnServer, temporaryFolder, type ServerProcess } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, openWriteSide, peopleOf } from '../support/shop.ts';
import { wholeLog } from '../support/events.ts';

const STARTS = 3;
const CONFIG_EXIT_CODE = 78;

describe('a log and its currency', function () {
  this.timeout(120_000);
  const databases: TestDatabase[] = [];
  const servers: ServerProcess[] = [];

  async function newPlace(): Promise<string> {
    const database = await freshDatabase();
    databases.push(database);
    return database.url;
  }
  const envOf = (url: string, currency: string) => ({
    ...{ DATABASE_URL: url, JWT_SECRET, MASTER_KEY, CURRENCY: currency, LOG_LEVEL: 'warn' },
  });
  async function serve(url: string, currency: string): Promise<ServerProcess> {
    const server = await spawnServer({ env: envOf(url, currency) });
    servers.push(server);
    return server;
  }
  const run = (url: string, currency: string, ...args: string[]) => runCartulary(args, { env: envOf(url, currency) });
  const chosenIn = async (url: string): Promise<string[]> => {
    const shop = await openWriteSide(url, {}, { readOnly: true });
    try {
      const all = await wholeLog(shop.store);
      return all
        .filter(({ type }) => type === 'CurrencyChosen')
        .map(({ data }) => (data as { currency: string }).currency);
    } finally {
      await shop.close();
    }
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.end('SIGTERM')));
    await Promise.all(databases.splice(0).map((database) => database.drop()));
  });

  it('are kept together: a start with another currency is refused, whichever program it is', async () => {
    const url = await newPlace();
    await (await serve(url, 'EUR')).end('SIGTERM');
    servers.splice(0);
    const programs = [
      ['serve'],
      ['serve', '--workers', '2'],
      ['seed'],
      ['import', 'products', path.join(import.meta.dirname, 'currency.spec.ts'), '--store', randomUUID()],
    ];
    for (const args of programs) {
      const { code, output } = await run(url, 'JPY', ...args);
      expect(output, args.join(' ')).to.contain(
        'CURRENCY is JPY, but all amounts in this log are in EUR: set CURRENCY=EUR',
      );
      expect(code, output).to.equal(CONFIG_EXIT_CODE);
    }
    expect(await chosenIn(url)).to.deep.equal(['EUR']);
    await serve(url, 'EUR');
  });

  it('are settled once when several processes start at the same time', async () => {
    const url = await newPlace();
    must({ status: (await run(url, 'EUR', 'migrate', 'up')).code ?? -1 } as never, 0);
    const started = await Promise.all(Array.from({ length: STARTS }, () => serve(url, 'EUR')));
    expect(started).to.have.lengthOf(STARTS);
    expect(await chosenIn(url)).to.deep.equal(['EUR']);
  });

  it('move together: an export goes only where its currency is sold in', async () => {
    const [source, target] = [await newPlace(), await newPlace()];
    const file = path.join(temporaryFolder('currency'), 'shop.ndjson');
    const server = await serve(source, 'EUR');
    await peopleOf({ url: server.url, databaseUrl: source }).buyer();
    const exported = await run(source, 'EUR', 'export', file, '--json');
    expect(exported.code, exported.output).to.equal(0);

    const refused = await run(target, 'JPY', 'import', 'events', file);
    expect(refused.output).to.contain('CURRENCY is JPY, but all amounts in this export are in EUR');
    expect(refused.code).to.equal(CONFIG_EXIT_CODE);

    // A shop that was started once, and sold nothing yet, is as good as an empty one.
    await (await serve(target, 'EUR')).end('SIGTERM');
    servers.pop();
    const other = await run(target, 'JPY', 'import', 'events', file);
    expect(other.output).to.contain('CURRENCY is JPY, but all amounts in this log are in EUR');
    expect(other.code).to.equal(CONFIG_EXIT_CODE);
    const { events } = JSON.parse(exported.answer) as { events: number };
    for (const known of [1, events]) {
      const brought = await run(target, 'EUR', 'import', 'events', file, '--json');
      expect(brought.code, brought.output).to.equal(0);
      expect(JSON.parse(brought.answer)).to.include({ events, known });
    }
    expect(await chosenIn(target)).to.deep.equal(['EUR']);
    const hash = await run(target, 'EUR', 'export', '--hash', '--json');
    expect(JSON.parse(hash.answer)).to.include({ events });
    await serve(target, 'EUR');
  });
});
