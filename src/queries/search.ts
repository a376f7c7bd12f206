import { type Keyed, type PageArguments, type PagedAnswer, pageFrom, type Sought } from '../engine/ask/pages.ts';
import type { Conditions } from '../engine/ask/paging.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import type { QueryContext } from './contract.ts';
import type { Search } from './searchTerms.ts';

/** Hits that are ranked together, at most. Of more hits only those of a page are ranked. */
const RANKED_MAX = 1_000;
/** Words that may be meant are looked for where fewer hits than this have what was typed. */
const GUESSED_BELOW = 50;

/** What is searched: rows of `SELECT columns FROM from where`, each with an id and the tsvector of its words. */
export interface Searched {
  readonly columns: string;
  readonly from: string;
  readonly where: Conditions;
  /** SQL of the two. */
  readonly id: string;
  readonly words: string;
}

/** Where to begin: after a rank and id, or after a number of hits. */
interface Begin {
  readonly after?: readonly [rank: number, id: string];
  readonly offset: number;
}

interface Page {
  readonly begin: Begin;
  readonly limit: number;
  readonly countMax: number;
}

/** One column more than the rows have. Equal ranks are sorted by id, so this is a total order. */
interface Ranked {
  readonly id: string;
  readonly search_rank: number;
}

interface Hits<R extends object> {
  readonly rows: (R & Ranked)[];
  /** All hits, up to the most that were to be counted. */
  readonly counted: number;
}

const matches = (words: string, parameter: number): string => `${words} @@ $${parameter}::text::tsquery`;

const and = (where: Conditions, ...more: string[]): string => {
  const always = where.where();
  return more.length === 0 ? always : `${always === '' ? 'WHERE' : `${always} AND`} ${more.join(' AND ')}`;
};

const either = (tsqueries: readonly string[]): string => tsqueries.map((one) => `(${one})`).join(' | ');

/** All hits are found, ranked and counted by one statement, if there are not more than `RANKED_MAX`. */
async function rankTogether<R extends object>(
  db: ReadDb,
  { columns, from, where, id, words }: Searched,
  { tiers, guess }: Search,
  { begin: { after, offset }, limit }: Page,
): Promise<Hits<R> | undefined> {
  const values = [...where.values];
  const parameter = (value: unknown): number => values.push(value);
  const cases = tiers.slice(0, -1).map((tier, rank) => `WHEN ${matches(words, parameter(tier))} THEN ${rank}`);
  const any = parameter(either(tiers));
  const meant = parameter(guess);
  const beyond =
    after === undefined ? '' : `WHERE (rank, id) > ($${parameter(after[0])}::int, $${parameter(after[1])}::uuid)`;
  const rows = await db.rows<R & Ranked & { hits: number; guesses: number }>(
    `WITH hits AS MATERIALIZED (
       SELECT ${id} AS id, CASE ${cases.join(' ')} ELSE ${tiers.length - 1} END AS rank
       FROM ${from} ${and(where, matches(words, any))} LIMIT ${RANKED_MAX + 1}
     ), guesses AS MATERIALIZED (
       SELECT ${id} AS id, ${tiers.length} AS rank FROM ${from}
       ${and(where, matches(words, meant), `NOT ${matches(words, any)}`, `(SELECT count(*) FROM hits) < ${GUESSED_BELOW}`)}
       LIMIT ${RANKED_MAX + 1}
     ), page AS (
       SELECT f.id AS hit_id, f.rank AS search_rank
       FROM (SELECT id, rank FROM hits UNION ALL SELECT id, rank FROM guesses) AS f ${beyond}
       ORDER BY f.rank, f.id LIMIT ${limit} OFFSET ${offset}
     )
     SELECT shown.*, (SELECT count(*) FROM hits) AS hits, (SELECT count(*) FROM guesses) AS guesses
     FROM (SELECT) AS always LEFT JOIN (
       SELECT ${columns}, page.search_rank FROM ${from} JOIN page ON ${id} = page.hit_id
     ) AS shown ON true ORDER BY shown.search_rank, shown.id`,
    values,
  );
  const { hits, guesses } = rows[0]!;
  if (hits > RANKED_MAX || guesses > RANKED_MAX) return undefined;
  const found = rows.filter(({ search_rank }) => (search_rank as number | null) !== null);
  return { rows: found, counted: hits + guesses };
}

/** One rank of many hits: those that match, and match none of the ranks before. */
interface Tier {
  readonly rank: number;
  readonly tsquery: string;
  readonly before: readonly string[];
}

function tiersOf({ tiers, guess }: Search, guessed: boolean): Tier[] {
  const all = guessed ? [...tiers, guess] : tiers;
  return all.flatMap((tsquery, rank) => {
    const before = all.slice(0, rank);
    return before.includes(tsquery) ? [] : [{ rank, tsquery, before }];
  });
}

/** The hits of one page of very many, rank by rank: a rank is read in the order of ids, and not further than the page needs. */
async function rankApart<R extends object>(
  db: ReadDb,
  searched: Searched,
  tiers: readonly Tier[],
  { begin: { after, offset }, limit }: Page,
): Promise<(R & Ranked)[]> {
  const { columns, from, where, id, words } = searched;
  const rows: (R & Ranked)[] = [];
  let skip = offset;
  for (const { rank, tsquery, before } of tiers) {
    if (rows.length === limit) break;
    if (after !== undefined && rank < after[0]) continue;
    const values = [...where.values, tsquery];
    const conditions = [matches(words, values.length)];
    if (before.length > 0) conditions.push(`NOT ${matches(words, values.push(either(before)))}`);
    if (after?.[0] === rank) conditions.push(`${id} > $${values.push(after[1])}::uuid`);
    const rest = `FROM ${from} ${and(where, ...conditions)}`;
    const found = await db.rows<R & Ranked>(
      `SELECT ${columns}, ${rank} AS search_rank ${rest} ORDER BY ${id} LIMIT ${limit - rows.length} OFFSET ${skip}`,
      values,
    );
    rows.push(...found);
    if (found.length > 0) skip = 0;
    else if (skip > 0) {
      const [passed] = await db.rows<{ count: number }>(
        `SELECT count(*) AS count FROM (SELECT ${rest} LIMIT ${skip}) AS passed`,
        values,
      );
      skip -= passed!.count;
    }
  }
  return rows;
}

async function count(db: ReadDb, { from, where, words }: Searched, tsquery: string, max: number): Promise<number> {
  const [counted] = await db.rows<{ count: number }>(
    `SELECT count(*) AS count FROM (SELECT FROM ${from} ${and(where, matches(words, where.values.length + 1))} LIMIT ${max}) AS hits`,
    [...where.values, tsquery],
  );
  return counted!.count;
}

/** The hits of a page, the best first. */
async function bestHits<R extends object>(
  db: ReadDb,
  searched: Searched,
  search: Search,
  page: Page,
): Promise<Hits<R>> {
  const together = await rankTogether<R>(db, searched, search, page);
  if (together !== undefined) return together;
  const any = either(search.tiers);
  const guessed = (await count(db, searched, any, GUESSED_BELOW)) < GUESSED_BELOW;
  const [rows, counted] = await Promise.all([
    rankApart<R>(db, searched, tiersOf(search, guessed), page),
    count(db, searched, guessed ? either([any, search.guess]) : any, page.countMax),
  ]);
  return { rows, counted };
}

const pageOfHits = ({ start: { before, after }, limit, countMax }: Sought): Page => {
  const [rank, id] = after?.keys ?? [];
  const known = typeof rank === 'string' && typeof id === 'string';
  return { begin: known ? { after: [Number(rank), id], offset: 0 } : { offset: before }, limit, countMax };
};

/** One page of what is found, the best first and equals by id, as an answer. */
export async function pageOfSearch<R extends object>(
  context: Pick<QueryContext, 'db' | 'cursors'>,
  { searched, search }: { searched: Searched; search: Search },
  page: PageArguments,
  view: (row: R) => unknown,
): Promise<PagedAnswer> {
  const { rows, pagination } = await pageFrom<R>(context, 'search rank, id', page, async (sought) => {
    const { rows: hits, counted } = await bestHits<R>(context.db, searched, search, pageOfHits(sought));
    const keyed = hits.map((hit): R & Keyed => ({ ...hit, sort_keys: [String(hit.search_rank), hit.id] }));
    return { rows: keyed, counted };
  });
  return { data: rows.map(view), pagination };
}

/** The tsquery of all hits, for lists in another order: words that may be meant count only where nothing has what was typed. */
export async function anyHit(db: ReadDb, searched: Searched, { tiers, guess }: Search): Promise<string> {
  const any = either(tiers);
  return (await count(db, searched, any, 1)) > 0 ? any : guess;
}
