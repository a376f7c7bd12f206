import type { Addition, Edit } from './addition.ts';

const CATEGORY = 'src/aggregates/category.ts';
const STOCK = 'src/aggregates/stock.ts';
const SAMPLES = 'test/aggregates/samples.ts';
const CATALOGUE_SAMPLES = 'test/aggregates/catalogueSamples.ts';
const heading = (file: string): string => `import { ${file}Decider } from '../../src/aggregates/${file}.ts';
import { given } from '../support/given.ts';
`;

const ranOutEvolves: Edit = {
  file: STOCK,
  from: "      case 'StockReserved':\n        return hold(",
  to: "      case 'StockRanOut':\n        return state;\n      case 'StockReserved':\n        return hold(",
};

/** Correcting the stock to nothing is an event of its own. */
export const rule: Addition = {
  row: 'a rule',
  change: {
    edits: [
      {
        file: STOCK,
        from: 'export type StockEvent =\n  StockReceived |',
        to: "export type StockRanOut = { type: 'StockRanOut'; data: object };\nexport type StockEvent =\n  StockRanOut | StockReceived |",
      },
      ranOutEvolves,
      {
        file: STOCK,
        from: "  return [{ type: 'StockAdjusted', data }];",
        to: `  const adjusted: StockEvent = { type: 'StockAdjusted', data };
  return state.onHand + data.change === 0 ? [adjusted, { type: 'StockRanOut', data: {} }] : [adjusted];`,
      },
    ],
  },
  forgotten: { edit: ranOutEvolves, complaint: /^src\/aggregates\/stock\.ts.*lacks ending return|not all code paths/i },
  tests: [{ file: SAMPLES, from: '      StockReceived: {', to: '      StockRanOut: {},\n      StockReceived: {' }],
  docs: true,
  spec: {
    file: 'test/aggregates/stockRanOut.spec.ts',
    text: `${heading('stock')}
describe('stock that is corrected', () => {
  const received = { type: 'StockReceived', data: { quantity: 2 } } as const;
  const adjust = (change: number) => ({ type: 'AdjustStock', data: { change, reason: 'counted' } }) as const;

  it('tells that nothing is left', () => {
    given(stockDecider, received)
      .when(adjust(-2))
      .then({ type: 'StockAdjusted', data: adjust(-2).data }, { type: 'StockRanOut', data: {} });
    given(stockDecider, received).when(adjust(-1)).then({ type: 'StockAdjusted', data: adjust(-1).data });
  });
});
`,
  },
  affected: ['test/aggregates/stock.spec.ts', 'test/aggregates/laws.spec.ts', 'test/bus/eventSchemas.spec.ts'],
};

const describeDecides: Edit = {
  file: CATEGORY,
  from: "      case 'DeleteCategory':\n        return remove(",
  to: `      case 'DescribeCategory':
        if (state.status !== 'active') return unknown();
        return [{ type: 'CategoryDescribed', data: command.data }];
      case 'DeleteCategory':
        return remove(`,
};

/** A category is described. */
export const command: Addition = {
  row: 'a command',
  change: {
    edits: [
      {
        file: CATEGORY,
        from: 'export type CategoryEvent =\n  CategoryCreated |',
        to: "export type CategoryDescribed = { type: 'CategoryDescribed'; data: { description: string } };\nexport type CategoryEvent =\n  CategoryDescribed | CategoryCreated |",
      },
      {
        file: CATEGORY,
        from: 'export type CategoryCommand = CreateCategory |',
        to: "export type DescribeCategory = Command<'DescribeCategory', { description: string }>;\nexport type CategoryCommand = DescribeCategory | CreateCategory |",
      },
      {
        file: CATEGORY,
        from: "      case 'CategoryDeleted':",
        to: "      case 'CategoryDescribed':\n        return state;\n      case 'CategoryDeleted':",
      },
      describeDecides,
      {
        file: 'src/commands/category.ts',
        from: 'export const categoryCommands = [',
        to: `const describeCategory = defineChange({
  name: 'DescribeCategory',
  summary: 'Describe a category',
  tag: 'categories',
  route: 'PUT /categories/:id/description',
  access: ['admin'],
  params: Fields({ id: Id }),
  body: Fields({ description: Name }),
  result: CategoryView,
  answers,
  run: ({ params: { id }, body }, context) =>
    context.handle(categoryDecider, id, { type: 'DescribeCategory', data: body }, { pinned: true }),
});

export const categoryCommands = [
  describeCategory,`,
      },
    ],
  },
  forgotten: { edit: describeDecides, complaint: /^src\/aggregates\/category\.ts.*ending return|not all code paths/i },
  tests: [
    {
      file: CATALOGUE_SAMPLES,
      from: "      CategoryRenamed: { name: 'Novels' },",
      to: "      CategoryDescribed: { description: 'To read' },\n      CategoryRenamed: { name: 'Novels' },",
    },
    {
      file: CATALOGUE_SAMPLES,
      from: "      RenameCategory: { after: ['CategoryCreated'],",
      to: "      DescribeCategory: { after: ['CategoryCreated'], data: { description: 'To read' }, again: 'it says so each time' },\n      RenameCategory: { after: ['CategoryCreated'],",
    },
  ],
  docs: true,
  spec: {
    file: 'test/commands/describeCategory.spec.ts',
    text: `import { expect } from 'chai';
import { admin, dataOf, openMemoryShop } from '../support/memoryShop.ts';

describe('describing a category', () => {
  it('is recorded, and answered with the category', async () => {
    const shop = openMemoryShop();
    const created = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Books' } }));
    const params = { id: created['id'] };
    const described = await shop.ask('DescribeCategory', admin, { params, body: { description: 'To read' } });
    expect(dataOf(described)).to.include({ id: created['id'], name: 'Books' });
    expect((await shop.log()).at(-1)).to.deep.include({ type: 'CategoryDescribed', data: { description: 'To read' } });
  });
});
`,
  },
  affected: [
    'test/aggregates/category.spec.ts',
    'test/aggregates/laws.spec.ts',
    'test/commands/contracts.spec.ts',
    'test/bus/eventSchemas.spec.ts',
  ],
};

const formerNameKept: Edit = {
  file: CATEGORY,
  from: "[{ type: 'CategoryRenamed', data: { name: data.name } }]",
  to: "[{ type: 'CategoryRenamed', data: { name: data.name, formerName: state.name } }]",
};

/** A category that is renamed tells its former name, as in docs/how-to/upgrade-an-event.md. */
export const secondVersion: Addition = {
  row: 'version 2 of an event',
  change: {
    edits: [
      {
        file: CATEGORY,
        from: "{ type: 'CategoryRenamed'; data: { name: string } }",
        to: "{ type: 'CategoryRenamed'; data: { name: string; formerName: string | null } }",
      },
      formerNameKept,
      {
        file: CATEGORY,
        from: "  initial: { status: 'none' },",
        to: `  initial: { status: 'none' },
  upcasters: {
    /** Version 1 did not know the former name. */
    CategoryRenamed: [(data) => ({ ...data, formerName: null })],
  },`,
      },
    ],
  },
  forgotten: { edit: formerNameKept, complaint: /^src\/aggregates\/category\.ts.*formerName/s },
  tests: [
    {
      file: 'test/aggregates/category.spec.ts',
      from: "{ type: 'CategoryRenamed', data: { name: 'Novels' } }",
      to: "{ type: 'CategoryRenamed', data: { name: 'Novels', formerName: 'Books' } }",
    },
    {
      file: 'test/aggregates/category.spec.ts',
      from: "{ type: 'CategoryRenamed', data: { name: 'Poems' } }",
      to: "{ type: 'CategoryRenamed', data: { name: 'Poems', formerName: 'Novels' } }",
    },
    {
      file: 'test/projections/shop.spec.ts',
      from: "{ type: 'CategoryRenamed', data: { name: 'Novels' } }",
      to: "{ type: 'CategoryRenamed', data: { name: 'Novels', formerName: 'Books' } }",
    },
    {
      file: CATALOGUE_SAMPLES,
      from: "CategoryRenamed: { name: 'Novels' }",
      to: "CategoryRenamed: { name: 'Novels', formerName: 'Books' }",
    },
  ],
  docs: true,
  spec: {
    file: 'test/eventstore/formerName.postgres.spec.ts',
    text: `import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { openEventStore } from '../../src/compose/openEventStore.ts';
import { NO_STREAM } from '../../src/eventstore/eventStore.ts';
import { freshDatabase } from '../support/database.ts';

describe('a renamed category of version 1', () => {
  it('is read in the shape of version 2', async () => {
    const database = await freshDatabase();
    const log = pino({ level: 'silent' });
    const store = await openEventStore({ databaseUrl: database.url, eventStoreUrl: undefined, log });
    try {
      const metadata = { commandId: 'c', command: 'RenameCategory', correlationId: 'c', actor: 'a', occurredAt: 'now' };
      const event = { id: randomUUID(), type: 'CategoryRenamed', data: { name: 'Novels' } };
      await store.append('category-1', NO_STREAM, [{ ...event, metadata: { ...metadata, schema: 1 } }]);
      const [read] = await store.read('category-1');
      expect(read?.data).to.deep.equal({ name: 'Novels', formerName: null });
      expect(read?.metadata.schema).to.equal(2);
    } finally {
      await store.close();
      await database.drop();
    }
  });
});
`,
  },
  affected: [
    'test/aggregates/category.spec.ts',
    'test/aggregates/laws.spec.ts',
    'test/projections/shop.spec.ts',
    'test/bus/eventSchemas.spec.ts',
  ],
};
