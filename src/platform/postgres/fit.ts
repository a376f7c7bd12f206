import { onConnection, type Queryable } from './pool.ts';

/** The oldest Postgres that has what the shop's SQL uses, as `server_version_num`. */
const VERSION_MIN = 150_000;
/** The collation by which names are sorted. */
const COLLATION = 'und-x-icu';
/** How often the connection is asked whether it is still the same session. A pooler with many clients may give it back by chance. */
const POOLER_ROUNDS = 3;
const POOLER = /transaction block|statement pool/i;

/** The database or its server cannot hold a shop; carries every reason, not just the first. */
export class UnfitDatabase extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(['This database cannot hold a shop:', ...reasons.map((reason) => `  ${reason}`)].join('\n'));
    this.name = 'UnfitDatabase';
    this.reasons = reasons;
  }
}

interface Version {
  readonly version: number;
  readonly told: string;
}

/** Understood by every version, unlike `FACTS`. */
const VERSION = `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS told`;

interface Facts {
  readonly encoding: string;
  readonly standby: boolean;
  readonly read_only: boolean;
  readonly collation: boolean;
  readonly schema: string | null;
  readonly path: string;
  readonly usable: boolean;
  readonly creatable: boolean;
  readonly role: string;
  readonly installed: boolean;
}

const FACTS = `
  SELECT (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
    pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only,
    EXISTS (SELECT FROM pg_collation WHERE collname = '${COLLATION}') AS collation,
    CASE WHEN NOT starts_with(current_schema(), 'pg_temp') THEN current_schema() END AS schema, current_setting('search_path') AS path, current_user AS role,
    coalesce(has_schema_privilege(current_schema(), 'USAGE'), false) AS usable,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creatable,
    to_regclass('migrations') IS NOT NULL AS installed`;

/** The rights that a process of the shop uses on its tables. A role with fewer rights would fail later, in the middle of its work. */
const RIGHTS: Readonly<Record<string, string>> = {
  events: 'SELECT,INSERT',
  store_head: 'SELECT,UPDATE',
  subject_keys: 'SELECT,INSERT,DELETE',
  checkpoints: 'SELECT,INSERT,UPDATE',
  dead_letters: 'SELECT,INSERT,UPDATE',
  handled_events: 'SELECT,INSERT,DELETE',
  idempotency_keys: 'SELECT,INSERT,UPDATE,DELETE',
  notifications: 'SELECT,INSERT,UPDATE',
  products: 'SELECT,INSERT,UPDATE,DELETE',
  orders: 'SELECT,INSERT,UPDATE,DELETE',
};

const LACKING = `
  SELECT wanted.name || ' (' || string_agg(r.privilege, ', ' ORDER BY r.privilege) || ')' AS lacking
  FROM unnest($1::text[], $2::text[]) AS wanted (name, privileges)
  CROSS JOIN LATERAL unnest(string_to_array(wanted.privileges, ',')) AS r (privilege)
  WHERE NOT has_table_privilege(to_regclass(wanted.name), r.privilege)
  GROUP BY wanted.name ORDER BY wanted.name`;

function unfitOf(facts: Facts): string[] {
  const { encoding, standby, schema, path, role } = facts;
  const reasons: string[] = [];
  const must = (holds: boolean, reason: string): void => {
    if (!holds) reasons.push(reason);
  };
  must(encoding === 'UTF8', `Its encoding is ${encoding}: make a database with ENCODING 'UTF8' TEMPLATE template0.`);
  must(!standby, 'The server is a standby, which cannot be written: connect to the primary.');
  must(standby || !facts.read_only, 'It is read-only (default_transaction_read_only is on): turn that off.');
  must(facts.collation, `The collation ${COLLATION} is missing: the server was built without ICU.`);
  must(
    schema !== null,
    `No schema of the search_path (${path}) is there, or the role may not use it: create it, grant USAGE on it, or name another by ?schema= in the URL.`,
  );
  if (schema === null) return reasons;
  must(facts.usable, `The role ${role} may not use the schema ${schema}: grant it USAGE.`);
  must(
    facts.installed || facts.creatable,
    `The role ${role} may create no tables in the schema ${schema}: grant it CREATE.`,
  );
  return reasons;
}

async function lackingRights(db: Queryable, role: string): Promise<string[]> {
  const { rows } = await db.query<{ lacking: string }>(LACKING, [Object.keys(RIGHTS), Object.values(RIGHTS)]);
  if (rows.length === 0) return [];
  return [`The role ${role} lacks rights on tables: ${rows.map(({ lacking }) => lacking).join(', ')}.`];
}

const pidOf = async (db: Queryable): Promise<number> =>
  (await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;

/**
 * Whether a pooler lends one session of Postgres to several clients by turns. Locks, settings and LISTEN then belong to a session
 * that another client gets. A transaction of a second client takes the session that this one has just used, if it was given back.
 */
async function sharesSessions(session: Queryable, url: string): Promise<boolean> {
  return onConnection({ url, name: 'fit' }, async (other) => {
    try {
      for (let round = 0; round < POOLER_ROUNDS; round += 1) {
        const before = await pidOf(session);
        await other.query('BEGIN');
        if ((await pidOf(other)) === before || (await pidOf(session)) !== before) return true;
        await other.query('COMMIT');
      }
      return false;
    } catch (error) {
      if (error instanceof Error && POOLER.test(error.message)) return true;
      throw error;
    }
  });
}

const SHARING =
  'A pooler (such as PgBouncer) lends its sessions by transaction or statement: set its pool_mode to session, or connect directly.';

/**
 * Throws `UnfitDatabase` with every reason why this database cannot hold a shop. It takes no lock and changes nothing. `session` is
 * a connection to the database.
 */
export async function mustFit(session: Queryable, url: string): Promise<void> {
  const { version, told } = (await session.query<Version>(VERSION)).rows[0]!;
  if (version < VERSION_MIN) throw new UnfitDatabase([`Postgres is version ${told}: 15 or newer is needed.`]);
  const facts = (await session.query<Facts>(FACTS)).rows[0]!;
  const reasons = unfitOf(facts);
  if (await sharesSessions(session, url)) reasons.push(SHARING);
  if (facts.installed && facts.usable && reasons.length === 0)
    reasons.push(...(await lackingRights(session, facts.role)));
  if (reasons.length > 0) throw new UnfitDatabase(reasons);
}
