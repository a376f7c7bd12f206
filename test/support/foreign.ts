import pg from 'pg';
import { must, type Caller, type People } from './shop.ts';

/** Defaults of a database that contradict what the shop's SQL relies on. Each is legal, and each has been met in the field. */
export const FOREIGN_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  gin_fuzzy_search_limit: '1',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  search_path: 'nowhere, public, pg_catalog',
  synchronous_commit: 'off',
  statement_timeout: '500ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '2s',
};

/** Makes these settings the defaults of every new session in the database. */
export async function setDefaults(url: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const [name, value] of Object.entries(settings)) {
      const list = name === 'search_path' ? value : pg.escapeLiteral(value);
      await client.query(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET ${name} = ${list}`);
    }
  } finally {
    await client.end();
  }
}

export interface Trade {
  readonly seller: Caller;
  readonly buyer: Caller;
  readonly product: string;
  readonly order: string;
}

/** A seller with a product, and a buyer whose order of it has been paid. It touches every part of a shop. */
export async function trade(people: People, name = 'Quill'): Promise<Trade> {
  const seller = await people.seller();
  const buyer = await people.buyer();
  const product = await people.product(seller, await people.category(), { name, stock: 1_000 });
  const items = [{ product_id: product, quantity: 2 }];
  const order = must(await buyer.call('POST', '/orders', { shipping_address: '1 Abbey Road', items }), 201).data.id;
  await people.untilOrder(buyer, order, 'paid');
  return { seller, buyer, product, order };
}
