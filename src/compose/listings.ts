import type { ProductListed } from '../aggregates/product.ts';
import { skuKey } from '../aggregates/sku.ts';
import type { Progress } from '../engine/project/progress.ts';
import { unavailable } from '../errors.ts';
import { type EventStore, idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import { scan } from '../eventstore/scan.ts';

const READ_MODEL = ['products'];
/** Listings that are kept in memory, at most. Beyond it, the read model has to come closer to the end of the log first. */
const LISTINGS_MAX = 1_000_000;

interface Unseen {
  /** Ids of products by store and SKU. */
  readonly listings: ReadonlyMap<string, readonly string[]>;
  /** A read model that has passed this position has all of them. */
  readonly upTo: bigint;
}
const NOTHING: Unseen = { listings: new Map(), upTo: 0n };

export const behind = (projection: string): Error =>
  unavailable('ReadModelBehind', `The read model of ${projection} is behind the log; try again.`);

const keyOf = (storeId: string, sku: string): string => `${storeId} ${skuKey(sku)}`;

interface Options {
  readonly store: EventStore;
  readonly progress: Progress;
}

/** Adds the listings of these events that have a SKU. Returns how many. */
function collect(events: readonly RecordedEvent[], listings: Map<string, string[]>): number {
  let added = 0;
  for (const { stream, data } of events) {
    const { storeId, sku } = data as ProductListed['data'];
    if (sku === null) continue;
    const key = keyOf(storeId, sku);
    listings.set(key, [...(listings.get(key) ?? []), idOf(stream)]);
    added += 1;
  }
  return added;
}

/** The listings between the read model and the end of the log. */
async function read({ store, progress }: Options): Promise<Unseen> {
  const { position: upTo } = await store.head();
  await progress.refresh(READ_MODEL);
  const after = progress.position(READ_MODEL);
  if (after >= upTo) return NOTHING;
  const listings = new Map<string, string[]>();
  let count = 0;
  for await (const events of scan(store, { types: ['ProductListed'], after, upTo })) {
    count += collect(events, listings);
    if (count > LISTINGS_MAX) throw behind('products');
  }
  return { listings, upTo };
}

/**
 * The listings that the read model had not seen when they were asked for first, taken from the log. A command of the command line
 * runs without read models, so it must not wait for them.
 */
export function createUnseenListings(options: Options) {
  let reading: Promise<Unseen> | undefined;
  return {
    async withSku(storeId: string, sku: string): Promise<readonly string[]> {
      reading ??= read(options);
      try {
        const { listings, upTo } = await reading;
        if (listings.size > 0 && options.progress.position(READ_MODEL) >= upTo) reading = Promise.resolve(NOTHING);
        return listings.get(keyOf(storeId, sku)) ?? [];
      } catch (error) {
        reading = undefined;
        throw error;
      }
    },
  };
}
