import { expect } from 'chai';
import { CURRENCY_STREAM } from '../../src/aggregates/currency.ts';
import { ConfigError } from '../../src/config/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { wholeLog } from '../support/events.ts';
import { rejection } from '../support/rejection.ts';
import { openWriteSide } from '../support/shop.ts';

const TOGETHER = 6;

describe('the currency that a start brings', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  beforeEach(async () => {
    database = await freshDatabase();
  });
  afterEach(() => database.drop());

  const open = (currency: string) => openWriteSide(database.url, { CURRENCY: currency });
  async function log() {
    const shop = await openWriteSide(database.url, {}, { readOnly: true });
    try {
      return (await wholeLog(shop.store)).map(({ stream, type, data }) => ({ stream, type, data }));
    } finally {
      await shop.close();
    }
  }
  const chosen = (currency: string) => [{ stream: CURRENCY_STREAM, type: 'CurrencyChosen', data: { currency } }];

  it('is recorded by the first start, and by no later one', async () => {
    for (let start = 0; start < 3; start += 1) await (await open('EUR')).close();
    expect(await log()).to.deep.equal(chosen('EUR'));
  });

  it('is not recorded by one who only reads, who may have another', async () => {
    expect(await log()).to.deep.equal([]);
    await (await open('JPY')).close();
    expect(await log()).to.deep.equal(chosen('JPY'));
  });

  it('is refused by name, with the way out, when the log has another', async () => {
    await (await open('KWD')).close();
    const error = await rejection(open('USD'));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.contain('CURRENCY is USD, but all amounts in this log are in KWD: set CURRENCY=KWD');
    expect(await log()).to.deep.equal(chosen('KWD'));
  });

  it('is one, whichever of several starts at once comes first', async () => {
    const currencies = Array.from({ length: TOGETHER }, (_, index) => (index % 2 === 0 ? 'EUR' : 'JPY'));
    const opened = await Promise.allSettled(currencies.map(open));
    for (const one of opened) if (one.status === 'fulfilled') await one.value.close();
    const kept = await log();
    expect(kept).to.have.lengthOf(1);
    const { currency } = kept[0]!.data as { currency: string };
    expect(opened.map(({ status }) => status)).to.deep.equal(
      currencies.map((one) => (one === currency ? 'fulfilled' : 'rejected')),
    );
  });
});
