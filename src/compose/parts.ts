import { openBus, openRelay, type OpenRelay } from './openBus.ts';
import type { Bus } from '../bus/bus.ts';
import type { Cache } from '../cache/cache.ts';
import type { Config } from '../config/config.ts';
import type { ProcessRole } from '../config/settings.ts';
import { createDeadlines, type Deadlines } from '../handlers/deadlines.ts';
import { handlers } from '../handlers/index.ts';
import { createTidy } from '../pictures/tidy.ts';
import { shownPictures } from './pictures.ts';
import type { Logger } from '../platform/log.ts';
import { type Advance, createAdvance } from '../engine/project/advance.ts';
import { createProjector, type Projector } from '../engine/project/projector.ts';
import { projectionNames, projections } from '../projections/index.ts';
import { createWatch } from '../engine/project/watch.ts';
import type { Shop } from './shop.ts';
import type { Shutdown } from '../platform/shutdown.ts';

export interface PartsOptions {
  readonly shop: Shop;
  readonly config: Config;
  readonly cache: Cache;
  /** Unique to this run of the process. */
  readonly owner: string;
  readonly log: Logger;
  readonly shutdown: Shutdown;
}

/** The background parts of this process. An absent part runs in another process or not at all. */
export interface Parts {
  readonly projector?: Projector;
  readonly bus?: Bus;
  readonly relay?: OpenRelay;
  readonly deadlines?: Deadlines;
  /** Watches the read models, in every process. */
  readonly advance: Advance;
}

type Some = Partial<Parts>;

const now = (): string => new Date().toISOString();

/** Starts the projector, or in a process that only answers queries, the watch on other processes' projections. */
async function startReadModels({ shop, config, cache, owner, log, shutdown }: PartsOptions): Promise<Some> {
  const { readPool, store, progress } = shop;
  // A cache of this process alone learns only that another process has projected, not what changed.
  progress.onOthersMoved(() => cache.othersMoved());
  if (config.roles.includes('projector')) {
    const projector = createProjector({ pool: readPool, store, projections, cache, owner, log, progress });
    await projector.start();
    shutdown.push(() => projector.stop());
    return { projector };
  }
  if (config.roles.includes('http')) {
    const watch = createWatch({ progress, names: projectionNames, log });
    watch.start();
    shutdown.push(() => watch.stop());
  }
  return {};
}

async function startHandlers({ shop, config, cache, owner, log, shutdown }: PartsOptions): Promise<Some> {
  const { pool, store, services } = shop;
  const { natsUrls, natsStream } = config;
  const bus = await openBus({ natsUrls, natsStream, pool, store, owner, log });
  for (const subscription of handlers({ services, pool, config, log, now, dropAnswers: () => cache.clear() }))
    bus.subscribe(subscription);
  await bus.start();
  shutdown.push(() => bus.stop());
  return { bus };
}

/** Starts the relay, which publishes the log on NATS; does nothing without NATS. */
async function startRelay({
  shop: { pool, store },
  config: { natsUrls, natsStream },
  owner,
  log,
  shutdown,
}: PartsOptions): Promise<Some> {
  const relay = await openRelay({ natsUrls, natsStream, pool, store, owner, log });
  if (relay === undefined) return {};
  relay.start();
  shutdown.push(() => relay.stop());
  return { relay };
}

function startAdvance({ shop: { progress, store }, shutdown }: PartsOptions): Parts {
  const advance = createAdvance({ progress, store, names: projectionNames });
  advance.start();
  shutdown.push(() => advance.stop());
  return { advance };
}

function startDeadlines({ shop, owner, log, shutdown }: PartsOptions): Some {
  const { pool, services, store } = shop;
  const deadlines = createDeadlines({ pool, services, store, owner, log, now });
  deadlines.start();
  shutdown.push(() => deadlines.stop());
  return { deadlines };
}

/** Removes the files of pictures that nothing shows any more. */
function startTidy({ shop, log, shutdown }: PartsOptions): Some {
  const { storage, loose } = shop.pictures;
  const tidy = createTidy({ storage, loose, shown: shownPictures(shop), now, log });
  tidy.start();
  shutdown.push(() => tidy.stop());
  return {};
}

/** Starts the background parts of this process's roles. A lease protects work that only one process may do at a time. */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const has = (role: ProcessRole): boolean => options.config.roles.includes(role);
  return {
    ...(await startReadModels(options)),
    ...(has('relay') ? await startRelay(options) : {}),
    ...(has('handlers') ? await startHandlers(options) : {}),
    ...(has('deadlines') ? startDeadlines(options) : {}),
    ...(has('deadlines') ? startTidy(options) : {}),
    ...startAdvance(options),
  };
}
