import type { Addition } from './addition.ts';

/** One category, by its id. */
export const query: Addition = {
  row: 'a query',
  change: {
    edits: [
      {
        file: 'src/queries/category.ts',
        from: 'export const categoryQueries = [',
        to: `const getCategory = defineQuery({
  name: 'GetCategory',
  summary: 'One category',
  tag: 'categories',
  route: 'GET /categories/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: CategoryView,
  reads: ['categories'],
  async run({ params: { id } }, { db }) {
    const sql = 'SELECT id, name, created_at, updated_at FROM categories WHERE id = $1';
    const [data] = await db.rows<CategoryRow>(sql, [id]);
    return { data: data ?? missing('CategoryUnknown', 'There is no such category.') };
  },
});

export const categoryQueries = [
  getCategory,`,
      },
      {
        file: 'src/queries/category.ts',
        from: "import type { CategoryRow } from '../projections/categories.ts';",
        to: "import { missing } from '../errors.ts';\nimport type { CategoryRow } from '../projections/categories.ts';",
      },
    ],
  },
  spec: {
    file: 'test/queries/getCategory.postgres.spec.ts',
    text: `import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { queries } from '../../src/queries/index.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase } from '../support/database.ts';
import { rejection } from '../support/rejection.ts';

describe('one category', () => {
  it('is found by its id', async () => {
    const database = await freshDatabase();
    const pool = createPool({ url: database.url, name: 'read', max: 1, int8: 'number' });
    try {
      const [id, now] = [randomUUID(), '2026-11-02T09:00:00.000Z'];
      const row = [id, 'Books', now, now, 0, 1];
      await pool.query('INSERT INTO categories (id, name, created_at, updated_at, revision, position) VALUES ($1, $2, $3, $4, $5, $6)', row);
      const contract = queries.find(({ name }) => name === 'GetCategory')!;
      const db = { rows: async (sql: string, values: readonly unknown[] = []) => (await pool.query(sql, [...values])).rows };
      const ask = (one: string) => contract.run({ params: { id: one }, query: {} }, { db } as never);
      expect((await ask(id)).data).to.include({ id, name: 'Books' });
      expect(await rejection(ask(randomUUID()))).to.include({ kind: 'notFound' });
    } finally {
      await pool.end();
      await database.drop();
    }
  });
});
`,
  },
  affected: ['test/commands/contracts.spec.ts'],
};

/** Every name that a category has ever had. */
export const readModel: Addition = {
  row: 'a read model',
  change: {
    edits: [
      {
        file: 'src/projections/index.ts',
        from: '  row(vocabulary),\n',
        to: '  row(vocabulary),\n  row(categoryNames),\n',
      },
      {
        file: 'src/projections/index.ts',
        from: "import { carts } from './carts.ts';",
        to: "import { carts } from './carts.ts';\nimport { categoryNames } from './categoryNames.ts';",
      },
    ],
    files: [
      {
        file: 'src/projections/categoryNames.ts',
        text: `import type { CategoryCreated, CategoryEvent, CategoryRenamed } from '../aggregates/category.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

export interface CategoryNameRow {
  /** \`<category>:<revision>\`. */
  readonly id: string;
  readonly category_id: string;
  readonly name: string;
}

const named: Change<CategoryNameRow, CategoryCreated | CategoryRenamed> = {
  key: ({ stream, revision }) => \`\${idOf(stream)}:\${revision}\`,
  row: (_row, { stream, data }, id) => ({ id, category_id: idOf(stream), name: data.name }),
};

export const categoryNames: Projection<CategoryNameRow, CategoryEvent> = {
  name: 'category_names',
  table: 'category_names',
  key: 'id',
  of: 'category',
  columns: { id: 'text', category_id: 'uuid', name: 'text' },
  on: { CategoryCreated: named, CategoryRenamed: named },
};
`,
      },
      {
        file: 'migrations/9000_category_names.ts',
        text: `import type { MigrationDb } from '../src/platform/postgres/migration.ts';

/** Every name that a category has ever had. */
export async function up(db: MigrationDb): Promise<void> {
  await db.raw(\`
    CREATE TABLE category_names (
      id text PRIMARY KEY,
      category_id uuid,
      name text,
      revision bigint,
      position bigint
    );
  \`);
}

export async function down(db: MigrationDb): Promise<void> {
  await db.raw('DROP TABLE category_names');
}
`,
      },
    ],
  },
  spec: {
    file: 'test/projections/categoryNames.postgres.spec.ts',
    text: `import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { createMemoryCache } from '../../src/cache/memoryCache.ts';
import { createProgress } from '../../src/engine/project/progress.ts';
import { createProjector } from '../../src/engine/project/projector.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { projections } from '../../src/projections/index.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { admin, dataOf, openMemoryShop } from '../support/memoryShop.ts';

describe('the names of a category', () => {
  it('fill their table from the log', async () => {
    const { store, ask } = openMemoryShop();
    const { id } = dataOf(await ask('CreateCategory', admin, { body: { name: 'Books' } }));
    await ask('RenameCategory', admin, { params: { id }, body: { name: 'Novels' } });
    const database = await freshDatabase();
    const pool = createPool({ url: database.url, name: 'test', max: 4, int8: 'number' });
    const projector = createProjector({
      ...{ pool, store, owner: randomUUID(), log: pino({ level: 'silent' }), progress: createProgress({ pool }) },
      projections: projections.filter(({ name }) => name === 'category_names'),
      cache: createMemoryCache({ entriesMax: 10, bytesMax: 10_000 }),
    });
    try {
      await projector.start();
      const names = async () => (await pool.query('SELECT id, name FROM category_names ORDER BY id')).rows;
      await eventually('both names are there', async () => (await names()).length === 2);
      expect(await names()).to.deep.equal([
        { id: \`\${String(id)}:0\`, name: 'Books' },
        { id: \`\${String(id)}:1\`, name: 'Novels' },
      ]);
    } finally {
      await projector.stop();
      await pool.end();
      await database.drop();
    }
  });
});
`,
  },
  affected: ['test/projections/schema.postgres.spec.ts'],
};

/** A store that is changed makes its owner a seller again. */
export const reaction: Addition = {
  row: 'a reaction',
  change: {
    edits: [
      {
        file: 'src/handlers/sellerRole.ts',
        from: '  on: {\n',
        to: `  on: {
    StoreUpdated: ({ stream }, state) =>
      state.status === 'open'
        ? [command(userDecider, state.ownerId, { type: 'GrantSeller', data: { storeId: idOf(stream) } })]
        : [],
`,
      },
    ],
  },
  spec: {
    file: 'test/handlers/sellerAgain.spec.ts',
    text: `import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { storeDecider } from '../../src/aggregates/store.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import { react } from '../../src/engine/react/reaction.ts';
import { membership } from '../../src/handlers/sellerRole.ts';
import { now, openShop } from './shop.ts';

describe('membership', () => {
  it('is given for a store that is changed', async () => {
    const shop = openShop();
    const owner = await shop.register({ email: 'b@example.com', name: 'Ben' });
    const storeId = randomUUID();
    const data = { ownerId: owner, name: 'Teas', description: '' };
    await shop.does(storeDecider, storeId, { type: 'OpenStore', data });
    await shop.does(storeDecider, storeId, { type: 'UpdateStore', data: { by: owner, name: 'Tea' } });
    const subscription = react({ ...membership, on: { ...membership.on, StoreOpened: () => [] } }, { services: shop.services, now });
    await shop.deliver(subscription, 2);
    const { state } = await shop.services.aggregates.load(userDecider, owner);
    expect(state).to.include({ status: 'active', role: 'seller' });
    expect((await shop.events('user', owner)).map(({ type }) => type)).to.deep.equal(['UserRegistered', 'UserRoleChanged']);
  });
});
`,
  },
  affected: ['test/handlers/reactions.spec.ts'],
};
