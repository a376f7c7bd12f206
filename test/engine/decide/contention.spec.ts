import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Crowds, createCrowds } from '../../../src/engine/decide/crowd.ts';
import { createAggregates } from '../../../src/engine/decide/handle.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { createRandom, type Random } from '../../chaos/random.ts';
import { account, deposit } from '../../support/account.ts';
import { impatientCrowds } from '../../support/impatient.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const TURN_MS = 1;
/** A call of the log takes up to this many turns there, and as many back. */
const WAY_TURNS = { append: 3, read: 2 } as const;
const ROUNDS = 100;
/** Callers of each process; each asks again as soon as it is answered. */
const CALLERS = 8;

/**
 * The log as a process far from it has it: calls take their time, there and back, by chance. The process that has just won a race knows
 * the newest state and asks at once; the other one has to read it first.
 */
function distant(store: EventStore, random: Random): EventStore {
  const away = async <T>(turns: number, call: () => Promise<T>): Promise<T> => {
    const way = async (): Promise<void> => {
      for (let left = 1 + random.below(turns); left > 0; left -= 1) await pause(TURN_MS);
    };
    await way();
    const answer = await call();
    await way();
    return answer;
  };
  return {
    ...store,
    append: (...asked) => away(WAY_TURNS.append, () => store.append(...asked)),
    read: (...asked) => away(WAY_TURNS.read, () => store.read(...asked)),
  };
}

interface Told {
  /** Commands that were carried out. */
  done: number;
  refused: number;
}

/** Two processes at one stream, each with callers that never stop until the first process is done. */
async function contention(rule: () => Crowds, seed: number): Promise<{ first: Told; second: Told }> {
  const store = distant(createMemoryEventStore(), createRandom(seed));
  const id = randomUUID();
  let ended = false;
  const work = async (): Promise<Told> => {
    const process = createAggregates({ store, crowds: rule() });
    const told: Told = { done: 0, refused: 0 };
    const call = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS && !ended; round += 1) {
        await process.handle(account, id, deposit(1)).then(
          () => (told.done += 1),
          () => (told.refused += 1),
        );
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
    ended = true;
    return told;
  };
  const [one, other] = await Promise.all([work(), work()]);
  return one.done > other.done ? { first: one, second: other } : { first: other, second: one };
}

describe('two processes that want one stream all the time', function () {
  this.timeout(60_000);
  const SEEDS = [1, 2];

  it('have some of their commands refused by the rule of eight attempts', async () => {
    const told = await Promise.all(SEEDS.map((seed) => contention(impatientCrowds, seed)));
    const perThousand = told.map(({ first, second }) => {
      const refused = first.refused + second.refused;
      return (1_000 * refused) / (first.done + second.done + refused);
    });
    expect(Math.max(...perThousand)).to.be.above(10);
  });

  it('have none refused by the rule of pauses, also of the one that is behind', async () => {
    for (const { first, second } of await Promise.all(SEEDS.map((seed) => contention(() => createCrowds(), seed)))) {
      expect([first.refused, second.refused]).to.deep.equal([0, 0]);
      expect(second.done).to.be.above(0);
    }
  });
});
