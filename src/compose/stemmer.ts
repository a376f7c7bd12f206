import type { Logger } from '../platform/log.ts';
import type { Queryable } from '../platform/postgres/pool.ts';

/** Searches without the forms of any language. */
const NONE = 'simple';

/** The language of searches: the one that is set, if this Postgres has a stemmer for it. Otherwise the log says that there is none. */
export async function stemmerFor(language: string, db: Queryable, log: Pick<Logger, 'warn'>): Promise<string> {
  if (language === NONE) return NONE;
  const { rows } = await db.query(
    `SELECT FROM pg_ts_dict WHERE dictname = $1 AND dictnamespace = 'pg_catalog'::regnamespace`,
    [`${language}_stem`],
  );
  if (rows.length > 0) return language;
  log.warn(
    { language },
    'this Postgres has no stemmer for SEARCH_LANGUAGE: searches do not know other forms of a word',
  );
  return NONE;
}
