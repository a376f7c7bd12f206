import { missing, reject } from '../../errors.ts';
import type { Queryable } from '../../platform/postgres/pool.ts';
import { type DeadLetter, LETTER_COLUMNS, type LetterRow, toLetter } from './deadLetters.ts';
import { UUID } from '../../platform/ids.ts';

// The operator's side of dead letters: lists, details, and requests that a consumer then carries out.

/** Dead letters in one list, at most. */
export const LISTED_MAX = 1_000;
/** Acts on one dead letter that are shown, at most. */
const ACTS_SHOWN_MAX = 100;

interface DeadLetterAct {
  readonly act: string;
  readonly actor: string;
  readonly note: string | null;
  readonly at: string;
}

export interface DeadLetterDetail extends DeadLetter {
  readonly payload: unknown;
  readonly acts: readonly DeadLetterAct[];
}

export interface ListRequest {
  readonly consumer?: string;
  /** Also the closed ones. */
  readonly closed?: boolean;
  /** The id of the dead letter before the page. Default: the page begins with the oldest. */
  readonly after?: string;
  readonly limit?: number;
}

const unknown = (id: string): never => missing('UnknownDeadLetter', `There is no dead letter ${id}.`);

/** One page of the open dead letters, oldest first: at most `LISTED_MAX`. Throws `notFound` for an unknown `after`. */
export async function listDeadLetters(db: Queryable, wanted: ListRequest = {}): Promise<DeadLetter[]> {
  const { consumer = null, closed = false, after = null, limit = LISTED_MAX } = wanted;
  if (after !== null) await showDeadLetter(db, after);
  const { rows } = await db.query<LetterRow>(
    `SELECT ${LETTER_COLUMNS} FROM dead_letters
     WHERE ($1::text IS NULL OR consumer = $1) AND ($2 OR status NOT IN ('resolved', 'skipped'))
       AND ($4::uuid IS NULL OR
         (dead_letters.position, consumer) > (SELECT last.position, last.consumer FROM dead_letters last WHERE last.id = $4))
     ORDER BY dead_letters.position, consumer LIMIT $3`,
    [consumer, closed, Math.min(limit, LISTED_MAX), after],
  );
  return rows.map(toLetter);
}

/** One dead letter with its payload and the newest acts on it, oldest first. Throws `notFound` for an unknown id. */
export async function showDeadLetter(db: Queryable, id: string): Promise<DeadLetterDetail> {
  if (!UUID.test(id)) unknown(id);
  const { rows } = await db.query<LetterRow & { payload: unknown }>(
    `SELECT ${LETTER_COLUMNS}, payload FROM dead_letters WHERE id = $1`,
    [id],
  );
  const row = rows[0] ?? unknown(id);
  const acts = await db.query<DeadLetterAct>(
    `SELECT act, actor, note, at FROM dead_letter_acts WHERE dead_letter = $1 ORDER BY id DESC LIMIT ${ACTS_SHOWN_MAX}`,
    [id],
  );
  return { ...toLetter(row), payload: row.payload, acts: acts.rows.toReversed() };
}

export interface Request {
  readonly id: string;
  readonly actor: string;
  readonly note?: string;
}

async function request(db: Queryable, act: 'retry' | 'skip', { id, actor, note }: Request): Promise<void> {
  if (!UUID.test(id)) unknown(id);
  const { rowCount } = await db.query(
    `WITH asked AS (
       UPDATE dead_letters SET status = $2::text, updated_at = now()
       WHERE id = $1 AND status IN ('dead', 'retry', 'skip') RETURNING id
     )
     INSERT INTO dead_letter_acts (dead_letter, act, actor, note) SELECT id, $2, $3, $4 FROM asked`,
    [id, act, actor, note ?? null],
  );
  if (rowCount === 1) return;
  refuseUnlessDead(await showDeadLetter(db, id), act);
}

const ASKABLE: readonly DeadLetter['status'][] = ['dead', 'retry', 'skip'];

/** Throws `rejected` unless the dead letter can be retried or skipped. */
export function refuseUnlessDead({ id, status }: Pick<DeadLetter, 'id' | 'status'>, act: 'retry' | 'skip'): void {
  if (ASKABLE.includes(status)) return;
  const why =
    status === 'waiting'
      ? 'it waits behind an earlier dead letter of its stream: retry or skip that one'
      : `it is ${status}`;
  reject('DeadLetterNotDead', `Dead letter ${id} cannot be given to ${act}: ${why}.`);
}

/** Asks the consumer to handle the event and those waiting behind it again. The consumer does so within a second. */
export const requestRetry = (db: Queryable, asked: Request): Promise<void> => request(db, 'retry', asked);

/** Asks the consumer to skip this event. */
export const requestSkip = (db: Queryable, asked: Request): Promise<void> => request(db, 'skip', asked);
