import { randomUUID } from 'node:crypto';
import { createMemoryCache } from '../../../src/cache/memoryCache.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { armFailpoint } from '../../../src/platform/failpoint.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { createProjector } from '../../../src/engine/project/projector.ts';
import { createProgress } from '../../../src/engine/project/progress.ts';
import { rebuild } from '../../../src/engine/rebuild/rebuild.ts';
import { accounts, asAny, silent } from './example.ts';

/** The example in a process that a test may kill: `follow <url>` or `rebuild <url>`. */
const [what, url = ''] = process.argv.slice(2);
armFailpoint(process.env['FAILPOINT']);
const store = await createPostgresEventStore({ url });
if (what === 'rebuild') {
  await rebuild({ url, store, projection: asAny(accounts), log: silent });
} else {
  const pool = createPool({ url, name: 'child', max: 4, int8: 'number' });
  const projector = createProjector({
    pool,
    store,
    projections: [asAny(accounts)],
    cache: createMemoryCache({ entriesMax: 10, bytesMax: 1_000 }),
    owner: randomUUID(),
    log: silent,
    progress: createProgress({ pool }),
  });
  await projector.start();
}
