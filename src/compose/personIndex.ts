import { sealedInUser } from '../aggregates/sealed.ts';
import { termsOfPerson } from '../aggregates/personTerms.ts';
import { unavailable } from '../errors.ts';
import type { PersonalData } from '../eventstore/personalData.ts';
import { type Pool, translating } from '../platform/postgres/pool.ts';
import type { PersonIndex } from '../queries/personIndex.ts';
import type { ShopSettings } from '../queries/contract.ts';
import { lexemeOf } from '../queries/personIndex.ts';

/** People whose hashes are made in one statement. */
const BATCH_ROWS = 500;
/** How long a search makes hashes before it refuses, ms. What is made stays, so a later search goes on from there. */
const WORK_MAX_MS = 10_000;

/** Hashes of rows that the read model no longer has: a log that was restored lost them. */
const FORGET = 'DELETE FROM people_terms WHERE position > coalesce((SELECT max(position) FROM users), 0)';
const INDEXED = 'SELECT coalesce(max(position), 0) AS position FROM people_terms';
const NEXT = `
  SELECT id, email, name, phone, position FROM users WHERE position > $1 ORDER BY position LIMIT ${BATCH_ROWS}`;
/** A person's key is held until the row is there, so that an erasure, which deletes the key first, finds the row or prevents it. */
const STORE = `
  INSERT INTO people_terms (user_id, position, terms)
  SELECT v.user_id, v.position, v.terms::tsvector
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS v (user_id, position, terms)
  JOIN (SELECT subject FROM subject_keys WHERE subject = ANY($4::text[]) FOR KEY SHARE) AS k ON k.subject = v.user_id::text
  ON CONFLICT (user_id) DO UPDATE SET position = EXCLUDED.position, terms = EXCLUDED.terms
  WHERE people_terms.position <= EXCLUDED.position`;

interface Row {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly phone: string | null;
  readonly position: bigint;
}

interface Options {
  /** With `int8` as bigint. */
  readonly pool: Pool;
  readonly personalData: PersonalData;
  readonly settings: Pick<ShopSettings, 'phoneDefaultCountry'>;
}

/**
 * Keeps the hashes of people as new as their read model. They are made from opened data, which a projection does not see, and lie in a
 * table of their own, so that an erasure can purge them. A projection writes rows in the order of their positions, so all rows above the
 * highest position here are the ones without hashes, or with old ones.
 */
export function createPersonIndex({ pool, personalData, settings }: Options): PersonIndex {
  async function store(rows: readonly Row[]): Promise<void> {
    const people = await personalData.revealAll(rows, ({ id }) => sealedInUser(id));
    const vectors = people.map((person) => {
      const terms = termsOfPerson(person, settings.phoneDefaultCountry);
      return terms.map((term) => `'${lexemeOf(personalData, term)}'`).join(' ');
    });
    const ids = rows.map(({ id }) => id);
    const positions = rows.map(({ position }) => String(position));
    await pool.query(STORE, [ids, positions, vectors, ids]);
  }

  return {
    bringUpToDate: () =>
      translating(async () => {
        const until = performance.now() + WORK_MAX_MS;
        await pool.query(FORGET);
        let { position } = (await pool.query<{ position: bigint }>(INDEXED)).rows[0]!;
        for (;;) {
          const { rows } = await pool.query<Row>(NEXT, [String(position)]);
          if (rows.length > 0) await store(rows);
          if (rows.length < BATCH_ROWS) return;
          position = rows.at(-1)!.position;
          if (performance.now() > until)
            throw unavailable('PeopleIndexBehind', 'The index of people is being made; try again.');
        }
      }),
  };
}
