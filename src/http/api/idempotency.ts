import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { arrive, type Presence } from '../../engine/follow/liveness.ts';
import type { CommandContract } from '../../commands/contract.ts';
import { type FieldError, fieldError } from '../../errors.ts';
import { failpoint } from '../../platform/failpoint.ts';
import { translating, type Pool } from '../../platform/postgres/pool.ts';
import { createClaims, type ClaimedRequest } from './idempotencyKeys.ts';
import { ProblemError } from './problem.ts';

/** How often leases are extended and the presence of this process is renewed. */
const UPKEEP_INTERVAL_MS = 3_000;
/** Longer than one turn of `purge` takes. */
const PURGE_INTERVAL_MS = 60_000;
const RETRY_AFTER_IN_FLIGHT_S = 1;

const KEY = /^[\x21-\x7e]{1,255}$/;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

export interface FinishedAnswer {
  readonly status: number;
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
  readonly body: string;
  /** False for an answer that a repeat must not get. Default: true. */
  readonly kept?: false;
}

/** An answer, and the persons whose data may be in it. */
export interface MadeAnswer {
  readonly answer: FinishedAnswer;
  readonly persons: readonly string[];
}

export interface Idempotency {
  hashOf(method: string, path: string, body: Buffer): Buffer;
  /**
   * Runs `work` once per account and key, across processes, and returns its answer to every repeat for
   * `ANSWERS_KEPT_MS`. `work` must be repeatable: it runs again after its owner has died. When it throws, nothing is stored.
   */
  once(request: ClaimedRequest, work: () => Promise<MadeAnswer>): Promise<FinishedAnswer>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Deletes rows older than `ANSWERS_KEPT_MS`; returns how many. */
  purge(): Promise<number>;
}

export interface IdempotencyOptions {
  readonly pool: Pool;
  /** The name of this process in the database; random unless given. */
  readonly owner?: string;
  readonly masterKey: Buffer;
  readonly logger: Logger;
}

/** Whether a command takes a key. From a caller without a token it needs to know what the call is about. */
export const takesKey = (command: Pick<CommandContract, 'unrepeatable' | 'about'>, anonymous: boolean): boolean =>
  command.unrepeatable !== true && (!anonymous || command.about !== undefined);

export function readIdempotencyKey(req: IncomingMessage, errors: FieldError[]): string | undefined {
  const value = req.headers['idempotency-key'];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && KEY.test(value)) return value;
  errors.push(fieldError('Idempotency-Key', 'must be 1 to 255 visible ASCII characters without spaces'));
  return undefined;
}

const deriveKey = (masterKey: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', masterKey, '', `cartulary idempotency ${purpose}`, KEY_BYTES));

/** Answers may hold tokens and personal data, so they are stored encrypted, each bound to its own account and key. */
function createSeal(masterKey: Buffer) {
  const sealKey = deriveKey(masterKey, 'answer');
  const boundTo = ({ account, key }: ClaimedRequest): Buffer => Buffer.from(`${account}\n${key}`);
  return {
    seal(request: ClaimedRequest, answer: FinishedAnswer): Buffer {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, sealKey, iv).setAAD(boundTo(request));
      const text = Buffer.concat([cipher.update(JSON.stringify(answer), 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]);
    },
    open(request: ClaimedRequest, sealed: Buffer): FinishedAnswer {
      const tag = sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
      const decipher = createDecipheriv(CIPHER, sealKey, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(boundTo(request))
        .setAuthTag(tag);
      const text = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
      return JSON.parse(text.toString('utf8')) as FinishedAnswer;
    },
  };
}

const stillRunning = (): ProblemError =>
  new ProblemError('CONFLICT', 'RequestInFlight', 'A request with this idempotency key is still being carried out.', {
    headers: ['Retry-After', String(RETRY_AFTER_IN_FLIGHT_S)],
  });
const reused = (): ProblemError =>
  new ProblemError(
    'IDEMPOTENCY_KEY_REUSED',
    'IdempotencyKeyReused',
    'This idempotency key was used for another request; use a new one.',
  );

function createUpkeep(logger: Logger) {
  const timers: NodeJS.Timeout[] = [];
  return {
    every(ms: number, work: () => Promise<unknown>): void {
      const run = (): void => {
        work().catch((error: unknown) => logger.warn({ err: error }, 'the upkeep of idempotency keys failed'));
      };
      timers.push(setInterval(run, ms).unref());
    },
    stop: () => timers.forEach((timer) => clearInterval(timer)),
  };
}

/** The stored answers: sealed, one for each key. */
function createAnswers(claims: ReturnType<typeof createClaims>, seal: ReturnType<typeof createSeal>, logger: Logger) {
  const replayed = (request: ClaimedRequest, sealed: Buffer): FinishedAnswer => {
    const answer = seal.open(request, sealed);
    return { ...answer, headers: [...answer.headers, 'Idempotency-Replayed', 'true'] };
  };

  const look = async (request: ClaimedRequest): Promise<FinishedAnswer | undefined> => {
    const kept = await claims.look(request);
    if (kept !== undefined && !kept.hash.equals(request.hash)) throw reused();
    return kept?.answer == null ? undefined : replayed(request, kept.answer);
  };

  /** Stores the answer. A failure to store it is only logged: the command is done, and a repeat finds it in the log. */
  const keep = async (request: ClaimedRequest, { answer, persons }: MadeAnswer): Promise<FinishedAnswer> => {
    try {
      const kept = await claims.keep(request, { answer: seal.seal(request, answer), persons });
      if (kept) return answer;
    } catch (error) {
      logger.warn({ err: error }, 'an answer could not be kept under its idempotency key');
      return answer;
    }
    // One of the persons was erased meanwhile: nothing may be kept of them, and a repeat gets what is left.
    if (await claims.release(request).catch(() => false)) return answer;
    // Another process has taken the request over. One key has one answer, so that process's answer counts.
    const other = await claims.look(request).catch(() => undefined);
    if (other === undefined) return answer;
    if (other.answer === null) throw stillRunning();
    return replayed(request, other.answer);
  };

  return { look, keep };
}

/** Stores claims and answers in Postgres alone: two statements for a request, two for a repeat of it. */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { pool, masterKey, logger, owner = randomUUID() } = options;
  const hashKey = deriveKey(masterKey, 'request');
  const claims = createClaims(pool, owner);
  const running = new Map<ClaimedRequest, number>();
  let presence: Presence | undefined;
  const upkeep = createUpkeep(logger);
  const stopping = new AbortController();

  const { look, keep } = createAnswers(claims, createSeal(masterKey), logger);

  const release = async (request: ClaimedRequest): Promise<void> => {
    await claims.release(request).catch((error: unknown) => {
      logger.warn({ err: error }, 'an idempotency key could not be released; its lease will pass');
    });
  };

  const extendLeases = async (): Promise<void> => {
    const before = performance.now() - UPKEEP_INTERVAL_MS;
    const long = [...running].flatMap(([request, since]) => (since <= before ? [request] : []));
    if (long.length > 0) await claims.extend(long);
  };

  return {
    hashOf: (method, path, body) => createHmac('sha256', hashKey).update(`${method} ${path}\n`).update(body).digest(),

    async once(request, work) {
      if (!(await translating(() => claims.claim(request)))) {
        const answer = await translating(() => look(request));
        if (answer === undefined) throw stillRunning();
        return answer;
      }
      failpoint('idempotency:claimed');
      running.set(request, performance.now());
      try {
        const made = await work();
        const { answer } = made;
        failpoint('answer:before-store');
        return await (answer.kept === false ? release(request).then(() => answer) : keep(request, made));
      } catch (error) {
        await release(request);
        throw error;
      } finally {
        running.delete(request);
      }
    },

    async start() {
      const arrived = await translating(() => arrive(pool, owner));
      presence = arrived;
      upkeep.every(UPKEEP_INTERVAL_MS, extendLeases);
      upkeep.every(UPKEEP_INTERVAL_MS, () => arrived.stay());
      upkeep.every(PURGE_INTERVAL_MS, () => claims.purge({ signal: stopping.signal }));
    },
    stop() {
      upkeep.stop();
      stopping.abort();
      presence?.leave();
      return Promise.resolve();
    },
    purge: () => claims.purge(),
  };
}
