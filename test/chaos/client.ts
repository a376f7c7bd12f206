import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { request, type Answer } from '../support/shop.ts';
import type { Fleet } from './fleet.ts';

const ATTEMPT_TIMEOUT_MS = 4_000;
const RETRY_MS = 150;
/** Longer than any fault lasts. A command is repeated until it is answered. */
const GIVE_UP_MS = 180_000;

/** An answered command: done, or refused by a rule of the shop. */
export interface Acknowledged {
  readonly what: string;
  readonly who: string;
  readonly key: string;
  readonly status: number;
  /** Id of the thing that the command created, if any. */
  readonly id: string | undefined;
  /** Position of the command's last event. */
  readonly position: bigint | undefined;
  readonly attempts: number;
}

export interface Asking {
  readonly what: string;
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
}

/** Whether the outcome is unknown, so that the command must be repeated with the same idempotency key. */
function isOpen({ status, body }: Answer): boolean {
  const type: unknown = body?.type;
  return status >= 500 || status === 408 || status === 429 || type === '/problems/RequestInFlight';
}

/** A client of several processes. Each request goes to the next process, and on to the one after it when that does not answer. */
export function createClient(fleet: Fleet) {
  const history: Acknowledged[] = [];
  const violations: string[] = [];
  let turn = 0;
  let requests = 0;
  let unanswered = 0;

  async function attempt(asking: Asking, headers: Record<string, string>): Promise<Answer | undefined> {
    const doors = fleet.of('http');
    const { url } = doors[(turn += 1) % doors.length]!.process;
    const { method, path, body, token } = asking;
    requests += 1;
    try {
      const options = { body, headers, ...(token === undefined ? {} : { token }), timeoutMs: ATTEMPT_TIMEOUT_MS };
      const answer = await request(url, method, path, options);
      if (!isOpen(answer)) return answer;
    } catch {
      // The process was killed or is paused.
    }
    unanswered += 1;
    return undefined;
  }

  async function until(asking: Asking, headers: Record<string, string>): Promise<{ answer: Answer; attempts: number }> {
    const end = performance.now() + GIVE_UP_MS;
    for (let attempts = 1; ; attempts += 1) {
      const answer = await attempt(asking, headers);
      if (answer !== undefined) return { answer, attempts };
      if (performance.now() > end) throw new Error(`nobody answered ${asking.what} within ${GIVE_UP_MS} ms`);
      await delay(RETRY_MS);
    }
  }

  return {
    history,
    /** Findings in answers that must not occur. */
    violations,
    counts: () => ({ requests, unanswered, commands: history.length }),
    /** Repeats the command with the same idempotency key until it is answered. */
    async command(asking: Asking): Promise<Answer> {
      const key = randomUUID();
      const { answer, attempts } = await until(asking, { 'idempotency-key': key });
      const { what, who } = asking;
      const { status, headers, data } = answer;
      const position = headers.get('event-position');
      history.push({
        ...{ what, who, key, status, attempts },
        id: status < 300 ? (data?.id as string | undefined) : undefined,
        position: position === null ? undefined : BigInt(position),
      });
      return answer;
    },
    query: async (asking: Asking, headers: Record<string, string> = {}): Promise<Answer> =>
      (await until(asking, headers)).answer,
  };
}

export type Client = ReturnType<typeof createClient>;
