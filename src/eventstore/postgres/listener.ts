import { type Backoff, delayAfter, isOver, rest } from '../../platform/backoff.ts';
import type { Logger } from '../../platform/log.ts';
import { positionOf } from '../../platform/position.ts';
import { createSession } from '../../platform/postgres/pool.ts';

/** The channel is named after the schema, so that a shop does not hear of another one in its database. See `append_batch`. */
const LISTEN = `SELECT format('LISTEN %I', 'cartulary_log_' || md5(current_schema())) AS statement`;
/** A connection that only listens would never notice that it went silent, so it asks for a sign of life this often. */
const SIGN_MS = 5_000;
const RETRY: Backoff = { delayMs: 100, delayMaxMs: 5_000 };

export interface PostgresListener {
  start(): void;
  close(): Promise<void>;
}

/**
 * Calls `onNews` when any process has appended, with the position. Reconnects without limit. After each connection it calls
 * `onNews` once without a position, because notifications may have been missed.
 */
export function createPostgresListener(options: {
  readonly url: string;
  readonly log?: Logger | undefined;
  readonly onNews: (position?: bigint) => void;
}): PostgresListener {
  const { url, log, onNews } = options;
  const closing = new AbortController();
  let running: Promise<void> | undefined;

  async function listenOnce(): Promise<void> {
    const client = createSession({ url, name: 'log listener' });
    const broken = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
    });
    let signs: NodeJS.Timeout | undefined;
    let asked = false;
    const askForSign = (): void => {
      if (asked) return;
      asked = true;
      client.query('SELECT 1').then(
        () => (asked = false),
        () => undefined,
      );
    };
    const hangUp = (): void => void client.end();
    closing.signal.addEventListener('abort', hangUp, { once: true });
    try {
      await client.connect();
      client.on('notification', ({ payload }) => onNews(positionOf(payload)));
      const { rows } = await client.query<{ statement: string }>(LISTEN);
      await client.query(rows[0]!.statement);
      onNews();
      signs = setInterval(askForSign, SIGN_MS).unref();
      await broken;
    } finally {
      clearInterval(signs);
      closing.signal.removeEventListener('abort', hangUp);
      await client.end().catch(() => undefined);
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!isOver(closing.signal)) {
      try {
        await listenOnce();
        failures = 0;
      } catch (error) {
        failures += 1;
        log?.debug({ err: error, failures }, 'cannot listen for news of the log; polling meanwhile');
      }
      await rest(delayAfter(RETRY, failures + 1), closing.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
