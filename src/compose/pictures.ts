import path from 'node:path';
import type { Config } from '../config/config.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import type { Progress } from '../engine/project/progress.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { createDecoder } from '../pictures/decoder.ts';
import { createDiskStorage } from '../pictures/diskStorage.ts';
import { createLoosePictures, type LoosePictures } from '../pictures/loose.ts';
import { createPictures, type Pictures } from '../pictures/pictures.ts';
import { createS3Storage } from '../pictures/s3Storage.ts';
import type { PictureStorage } from '../pictures/storage.ts';
import type { Logger } from '../platform/log.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import { behind } from './listings.ts';

/** How long the search for shown pictures waits for the read models to reach the end of the log, ms. */
const LEVEL_WAIT_MAX_MS = 10_000;
const SHOWN = `SELECT image ->> 'key' AS key FROM products WHERE image IS NOT NULL AND image ->> 'key' = ANY($1)
  UNION SELECT logo ->> 'key' FROM stores WHERE logo IS NOT NULL AND logo ->> 'key' = ANY($1)`;
const SHOWING = ['products', 'stores'];

const pictureStorageOf = ({ dataDir, uploads }: Pick<Config, 'dataDir' | 'uploads'>): PictureStorage =>
  uploads.s3 === undefined
    ? createDiskStorage(path.resolve(uploads.dir ?? path.join(dataDir, 'uploads')))
    : createS3Storage(uploads.s3);

/** The pictures of one process. */
export interface OpenPictures extends Pictures {
  readonly storage: PictureStorage;
  readonly loose: LoosePictures;
  close(): void;
}

export function openPictures({ config, pool, log }: { config: Config; pool: Pool; log: Logger }): OpenPictures {
  const storage = pictureStorageOf(config);
  const loose = createLoosePictures(pool);
  const decoder = createDecoder({ log });
  return { ...createPictures({ storage, loose, decoder, log }), storage, loose, close: () => decoder.stop() };
}

interface ShownOptions {
  readonly db: ReadDb;
  readonly store: EventStore;
  readonly progress: Progress;
}

/** Returns the function that finds the pictures that a product or a store shows, as of the end of the log. */
export const shownPictures =
  ({ db, store, progress }: ShownOptions) =>
  async (keys: readonly string[]): Promise<ReadonlySet<string>> => {
    const { doubts } = progress;
    const { position } = await store.head();
    if (!(await progress.waitFor(SHOWING, position, LEVEL_WAIT_MAX_MS))) throw behind('products');
    const rows = await db.rows<{ key: string }>(SHOWN, [keys]);
    // After a crash of Postgres the rows may be those of before.
    if (progress.doubts !== doubts) throw behind('products');
    return new Set(rows.map(({ key }) => key));
  };
