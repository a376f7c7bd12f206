import pg from 'pg';

/** Time limit for a probe's connection, and for its answer. */
const PROBE_TIMEOUT_MS = 2_000;

/** `done`: the server works on nothing for that connection, or does not know it. `unknown`: the server could not be asked. */
export type Verdict = 'working' | 'done' | 'unknown';

const STATES = 'SELECT pid, state FROM pg_catalog.pg_stat_activity WHERE pid = ANY ($1::int[])';
/** States in which the server works on a statement. */
const WORKING = new Set(['active', 'fastpath function call', 'starting']);
/** The server keeps no states, so a connection's state says nothing. */
const NOT_KEPT = 'disabled';

async function statesOf(connectionString: string, pids: readonly number[]): Promise<Map<number, string | null>> {
  const client = new pg.Client({
    ...{ connectionString, application_name: 'cartulary probe' },
    ...{ connectionTimeoutMillis: PROBE_TIMEOUT_MS, query_timeout: PROBE_TIMEOUT_MS },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; state: string | null }>(STATES, [pids]);
    return new Map(rows.map(({ pid, state }) => [pid, state]));
  } finally {
    // A probe whose connection is silent too is cut.
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    const late = setTimeout(() => stream.destroy(), PROBE_TIMEOUT_MS);
    void client.end().then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    );
  }
}

function judge(states: ReadonlyMap<number, string | null>, pid: number): Verdict {
  const state = states.get(pid);
  if (state === undefined) return 'done';
  if (state === null || state === NOT_KEPT) return 'unknown';
  return WORKING.has(state) ? 'working' : 'done';
}

interface Asked {
  readonly pid: number;
  readonly tell: (verdict: Verdict) => void;
}

/** The connections that are to be asked about, by the URL of their server. One probe at a time asks about all of them. */
const waiting = new Map<string, Asked[]>();

async function probe(url: string): Promise<void> {
  for (let asked = waiting.get(url) ?? []; asked.length > 0; asked = waiting.get(url) ?? []) {
    waiting.set(url, []);
    const states = await statesOf(
      url,
      asked.map(({ pid }) => pid),
    ).catch(() => undefined);
    for (const { pid, tell } of asked) tell(states === undefined ? 'unknown' : judge(states, pid));
  }
  waiting.delete(url);
}

/**
 * Asks the server, on a new connection, whether it still works on the statement of the connection with this process
 * id. A probe sets nothing and reads no table, so it is a plain client.
 */
export function askServer(url: string, pid: number): Promise<Verdict> {
  return new Promise((tell) => {
    const asked = waiting.get(url);
    if (asked !== undefined) {
      asked.push({ pid, tell });
      return;
    }
    waiting.set(url, [{ pid, tell }]);
    void probe(url);
  });
}
