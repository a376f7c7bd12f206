import { derivedId } from '../platform/ids.ts';
import { missing } from '../errors.ts';
import type { StoreRow } from '../projections/stores.ts';
import { Fields, Id, Instant, Nullable, Named } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { imageUrl, ImagesView, imagesView } from './picture.ts';
import { type Static, Type } from 'typebox';

const STORE_NAMESPACE = '6f0e9a52-6e2b-4c1c-9d3f-1f1f3a1c7a10';

/** The id of a user's one store. It is derived from the owner's id, so the store's stream refuses a second store. */
export const storeIdOf = (userId: string): string => derivedId(`store:${userId}`, STORE_NAMESPACE);

export const StoreView = Named('Store', {
  id: Id,
  owner_id: Id,
  name: Type.String(),
  description: Type.String(),
  logo_url: Nullable(Type.String()),
  status: Type.Enum(['open', 'suspended'], {
    description: 'Suspended by an administrator: nothing of it can be found or bought; orders that were placed go on.',
  }),
  logos: ImagesView,
  created_at: Instant,
  updated_at: Instant,
});
export type StoreView = Static<typeof StoreView>;

export const storeView = (row: StoreRow): StoreView => ({
  id: row.id,
  owner_id: row.owner_id,
  name: row.name,
  description: row.description,
  status: row.suspended ? 'suspended' : 'open',
  logo_url: imageUrl(row.logo),
  logos: imagesView(row.logo),
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const getStore = defineQuery({
  name: 'GetStore',
  summary: 'A store',
  tag: 'stores',
  route: 'GET /stores/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: StoreView,
  revised: 'always',
  reads: ['stores'],
  cache: { ttlMs: 600_000, key: ({ params }) => `store:${params.id}`, tags: ({ params }) => [`store:${params.id}`] },
  async run({ params }, { db }) {
    const [row] = await db.rows<StoreRow & { revision: number }>('SELECT * FROM stores WHERE id = $1', [params.id]);
    if (row === undefined) return missing('StoreUnknown', 'There is no such store.');
    return { data: storeView(row), revision: BigInt(row.revision) };
  },
});

export const storeQueries = [getStore];
