import pg from 'pg';
import { freshDatabase } from './database.ts';
import { serveShop } from './shop.ts';

/** A shop on a database of its own, with a seller, a product in plenty at 10.00, and a connection to the database. */
export async function openStockedShop(env: Record<string, string> = {}) {
  const database = await freshDatabase();
  const shop = await serveShop(database.url, env);
  const { people } = shop;
  const seller = await people.seller();
  const product = await people.product(seller, await people.category(), { stock: 1_000, price: '10.00' });
  const db = new pg.Client({ connectionString: database.url });
  await db.connect();
  return {
    ...{ people, seller, product, db, url: shop.url, databaseUrl: database.url },
    async close(): Promise<void> {
      await db.end();
      await shop.stop();
      await database.drop();
    },
  };
}

export type StockedShop = Awaited<ReturnType<typeof openStockedShop>>;
