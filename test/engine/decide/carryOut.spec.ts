import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { outcomeUnknown } from '../../../src/eventstore/appendQueue.ts';
import { carryOut, type Carried } from '../../../src/engine/decide/carryOut.ts';
import { type CommandContext, SYSTEM } from '../../../src/engine/decide/context.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import { reject, unavailable } from '../../../src/errors.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { account } from '../../support/account.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const gone = (): Error => unavailable('Gone', 'Gone; try again.');
const deposit = { type: 'Deposit', data: { amount: 5 } } as const;

describe('an error after the effect', () => {
  let store: EventStore;
  let id: string;
  let runs: number;
  const carry = (
    run: (context: CommandContext) => Promise<unknown>,
    { over = store, resumable = true }: { over?: EventStore; resumable?: boolean } = {},
  ): Promise<Carried<unknown>> =>
    carryOut({
      origin: {
        ...{ id: randomUUID(), repeatable: false, actor: SYSTEM('test'), now: '2026-01-01T00:00:00.000Z' },
        correlationId: 'test',
      },
      services: { aggregates: createAggregates({ store: over }), store: over },
      resumable,
      run(context) {
        runs += 1;
        return run(context);
      },
    });
  const recorded = async (): Promise<number> => (await store.read(`account-${id}`)).length;

  beforeEach(() => {
    store = createMemoryEventStore();
    id = randomUUID();
    runs = 0;
  });

  it('is followed by another run, which answers with what the first one recorded', async () => {
    const carried = await carry(async (context) => {
      const { revision } = await context.handle(account, id, deposit);
      if (runs < 3) throw gone();
      return revision;
    });
    expect(carried).to.deep.equal({ kind: 'answered', answer: 0n, position: 1n });
    expect([runs, await recorded()]).to.deep.equal([3, 1]);
  });

  it('that stays is told as recorded, with the place of the effect', async () => {
    const carried = await carry(async (context) => {
      await context.handle(account, id, deposit);
      throw gone();
    });
    expect(carried).to.deep.include({
      kind: 'recorded',
      effect: { stream: `account-${id}`, position: 1n },
      position: 1n,
    });
    expect([runs, await recorded()]).to.deep.equal([4, 1]);
  });

  it('is told as recorded also when it is a bug or a refusal, which no further run would mend', async () => {
    for (const error of [new TypeError('a bug'), new Error('x')]) {
      runs = 0;
      const carried = await carry(async (context) => {
        await context.handle(account, id, deposit);
        throw error;
      });
      expect(carried).to.include({ kind: 'recorded', error });
      expect(runs).to.equal(1);
    }
    const refused = await carry(async (context) => {
      await context.handle(account, id, deposit);
      reject('Late', 'Too late.');
    });
    expect(refused.kind).to.equal('recorded');
  });

  it('of a command that cannot be repeated is told as recorded at once', async () => {
    const run = async (context: CommandContext): Promise<never> => {
      await context.handle(account, id, deposit);
      throw gone();
    };
    expect((await carry(run, { resumable: false })).kind).to.equal('recorded');
    expect(runs).to.equal(1);
  });

  it('is none while only provisional steps have happened, or none', async () => {
    const error = gone();
    const provisional = await carry(async (context) => {
      await context.handle(account, id, deposit, { step: 'hold', provisional: true });
      throw error;
    });
    expect(provisional).to.include({ kind: 'failed', error });
    expect(await carry(() => Promise.reject(error))).to.deep.equal({ kind: 'failed', error, position: 0n });
    expect(runs).to.equal(2);
  });
});

describe('an append whose outcome is unknown', () => {
  const unknown = (): Error => outcomeUnknown();

  for (const happened of [true, false]) {
    it(`is looked up by the next run, ${happened ? 'which finds it' : 'which records it'}`, async () => {
      const store = createMemoryEventStore();
      const id = randomUUID();
      let appends = 0;
      const over: EventStore = {
        ...store,
        async append(...parameters) {
          appends += 1;
          if (appends > 1) return store.append(...parameters);
          if (happened) await store.append(...parameters);
          throw unknown();
        },
      };
      const carried = await carryOut({
        origin: {
          ...{ id: randomUUID(), repeatable: false, actor: SYSTEM('test'), now: '2026-01-01T00:00:00.000Z' },
          correlationId: 'test',
        },
        services: { aggregates: createAggregates({ store: over }), store: over },
        run: async (context) => (await context.handle(account, id, deposit)).revision,
      });
      expect(carried).to.include({ kind: 'answered', answer: 0n });
      expect(await store.read(`account-${id}`)).to.have.length(1);
    });
  }
});
