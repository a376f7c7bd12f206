import pg from 'pg';
import { createLogger } from '../../src/platform/log.ts';
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';

/**
 * A process that holds an embedded Postgres: `holder.ts <data folder> <server|command> [writing]`. Prints `ready <json>`. With
 * `writing` it then prints `acknowledged <n>` after each committed row. At SIGTERM or SIGINT it stops Postgres, prints `left` and
 * exits.
 */
const [dataDir = '', as = 'server', mode = 'idle'] = process.argv.slice(2);
const postgres = await startEmbeddedPostgres({
  dataDir,
  log: createLogger('info'),
  as: as === 'command' ? 'command' : 'server',
});
const leave = (): void =>
  void postgres.stop().then(() => {
    console.log('left');
    process.exit(0);
  });
process.once('SIGTERM', leave);
process.once('SIGINT', leave);
console.log(`ready ${JSON.stringify({ url: postgres.url, adopted: postgres.adopted, uid: process.getuid?.() })}`);

if (mode === 'writing') {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY)');
  const { rows } = await client.query<{ n: string }>('SELECT coalesce(max(n), 0) AS n FROM kept');
  // A write that the stop cuts off ends the loop.
  const write = (n: number): Promise<boolean> =>
    client.query('INSERT INTO kept VALUES ($1)', [n]).then(
      () => true,
      () => false,
    );
  for (let n = Number(rows[0]?.n ?? 0) + 1; await write(n); n += 1) console.log(`acknowledged ${n}`);
} else {
  setInterval(() => undefined, 60_000);
}
