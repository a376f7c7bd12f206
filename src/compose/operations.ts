import type { RebuildTurn, ShopOperations } from '../commands/contract.ts';
import { refuseUnlessDead, requestRetry, requestSkip, showDeadLetter } from '../engine/follow/deadLetterRequests.ts';
import { projectionStatus } from '../engine/project/status.ts';
import { isRefusal } from '../errors.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';
import { projectionNames } from '../projections/index.ts';
import { createRebuilds, lastRebuilds } from './rebuilds.ts';

interface Options {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly url: string;
  readonly log: Logger;
}

export interface OpenOperations extends ShopOperations {
  close(): Promise<void>;
}

/** The parts behind the shop, as an administrator sees and directs them. The database tells all of it, because the parts may run in other processes. */
export function createOperations(options: Options): OpenOperations {
  const { pool, store } = options;
  const rebuilds = createRebuilds(options);
  const requests = { retry: requestRetry, skip: requestSkip };
  return {
    projections: () =>
      translating(async () => {
        const [statuses, last] = await Promise.all([
          projectionStatus(pool, store, projectionNames),
          lastRebuilds(pool),
        ]);
        return statuses.map((status) => {
          const rebuild = last.get(status.name);
          return rebuild === undefined ? status : { ...status, rebuild };
        });
      }),
    deadLetter: (id) => translating(() => showDeadLetter(pool, id)),
    takeRebuildTurn: (name, actor): Promise<RebuildTurn> => translating(() => rebuilds.takeTurn(name, actor)),
    deadLetterMustBeDead: (id, act) => translating(async () => refuseUnlessDead(await showDeadLetter(pool, id), act)),
    async askDeadLetter(id, act, actor) {
      try {
        await translating(() => requests[act](pool, { id, actor }));
      } catch (error) {
        // Another administrator was faster, or this repeats a request that was carried out.
        if (!isRefusal(error) || error.rule !== 'DeadLetterNotDead') throw error;
      }
    },
    close: () => rebuilds.close(),
  };
}
