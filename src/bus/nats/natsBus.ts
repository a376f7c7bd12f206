import type { Upcasters } from '../../eventstore/upcast.ts';
import type { Broker, Bus } from '../bus.ts';
import { createConsumers, type ConsumersOptions } from '../consumers.ts';
import { FEED_LIMITS, type FeedCounts, type NatsFeedLimits } from './feedState.ts';
import { natsFeed } from './natsFeed.ts';
import { openNatsLink } from './natsConnection.ts';
import { STREAM_SETTINGS, type NatsStreamSettings } from './jetStream.ts';

export interface NatsBusOptions extends Omit<ConsumersOptions, 'openFeed'> {
  readonly urls: readonly string[];
  /** The domain's upcasters: an older process may have published an older version of an event. */
  readonly upcasters: Upcasters;
  readonly stream?: Partial<NatsStreamSettings>;
  readonly feed?: Partial<NatsFeedLimits>;
}

/**
 * The bus on NATS JetStream. Its guarantees come from the same parts as those of the embedded bus: the log, and the
 * checkpoints, leases, dead letters and handled events in Postgres. JetStream only transports events; it may lose or repeat
 * them.
 */
export function createNatsBus(options: NatsBusOptions): Bus {
  const { urls, store, owner, log, upcasters } = options;
  const link = openNatsLink({ urls, name: `cartulary consumers ${owner}`, log });
  const counts: FeedCounts = { brought: 0, onLog: 0, rebuilt: 0 };
  const bus = createConsumers({
    ...options,
    openFeed: natsFeed({
      ...{ store, link, log, counts, upcasters },
      settings: { ...STREAM_SETTINGS, ...options.stream },
      limits: { ...FEED_LIMITS, ...options.feed },
    }),
  });
  const broker: Broker = {
    name: 'nats',
    ping: () => link.ping(),
    stats: () => ({ connected: link.connected, ...counts }),
  };
  return {
    ...bus,
    broker,
    async stop() {
      await bus.stop();
      await link.close();
    },
  };
}
