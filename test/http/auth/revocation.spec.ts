import { randomUUID } from 'node:crypto';
import { mock } from 'node:test';
import { expect } from 'chai';
import { pino } from 'pino';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { toNewEvents } from '../../../src/engine/decide/batch.ts';
import { createRevocations, type Revocations } from '../../../src/http/auth/revocation.ts';
import { NO_REVISION, type VerifiedToken } from '../../../src/http/auth/tokens.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const logger = pino({ level: 'silent' });
const ACCESS_TTL_MS = 900_000;
const AHEAD = new Date(Date.now() + 600_000).toISOString();
const BEHIND = new Date(Date.now() - 600_000).toISOString();

interface Recorded {
  readonly type: string;
  readonly data?: object;
  readonly after?: bigint;
  readonly occurredAt?: string;
}

describe('ended sessions', () => {
  let store: EventStore;
  let revocations: Revocations | undefined;
  let monotonicMs = 0;
  const token = (userId: string, sessionId: string, revision = 0, role = 'buyer'): VerifiedToken => ({
    actor: { id: userId, role, sessionId },
    ...{ sessionId, revision, expiresAtMs: Date.now() + ACCESS_TTL_MS },
  });
  /** Appends one event; `occurredAt` is what the clock of the process said that made it. */
  const record = async (
    stream: string,
    { type, data = {}, after = -1n, occurredAt = new Date().toISOString() }: Recorded,
  ): Promise<bigint> => {
    const command = { type: 'T', data: {}, id: randomUUID(), actor: 'test', now: occurredAt, correlationId: 'test' };
    const result = await store.append(stream, after, toNewEvents(command, [{ type, data }]));
    if (result.outcome !== 'appended') throw new Error('conflict');
    return result.position;
  };
  const end = (sessionId: string): Promise<bigint> => record(`session-${sessionId}`, { type: 'SessionEnded' });
  const changePassword = (userId: string, kept: string | null, how: Partial<Recorded> = {}): Promise<bigint> => {
    const data = { passwordHash: 'x', keptSession: kept, at: how.occurredAt ?? new Date().toISOString() };
    return record(`user-${userId}`, { type: 'PasswordChanged', data, ...how });
  };
  /** Starts with the rows and the checkpoint that the projection has written. */
  const start = async (rows: readonly object[], checkpoint: bigint): Promise<Revocations> => {
    const query = (sql: string) =>
      Promise.resolve({ rows: sql.includes('checkpoints') ? [{ position: String(checkpoint) }] : rows });
    const now = () => monotonicMs;
    revocations = createRevocations({ store, db: { query } as never, accessTtlMs: ACCESS_TTL_MS, logger, now });
    await revocations.start();
    return revocations;
  };

  beforeEach(() => {
    store = createMemoryEventStore();
  });
  afterEach(() => revocations?.stop());

  it('is known from the first request on: from the rows, and from the log behind them', async () => {
    const [inRows, behind, open] = [randomUUID(), randomUUID(), randomUUID()];
    await end(inRows);
    await end(behind);
    const row = { subject: `session-${inRows}`, kept_session: null, revision: '1' };
    const { isRevoked } = await start([row], 1n);
    expect([inRows, behind, open].map((id) => isRevoked(token(randomUUID(), id)))).to.deep.equal([true, true, false]);
  });

  it('spares the session that a user kept, and tokens issued afterwards', async () => {
    const [userId, kept] = [randomUUID(), randomUUID()];
    const { isRevoked } = await start([{ subject: `user-${userId}`, kept_session: kept, revision: '3' }], 0n);
    expect(isRevoked(token(userId, kept, 2))).to.equal(false);
    expect(isRevoked(token(userId, randomUUID(), 2))).to.equal(true);
    expect(isRevoked(token(userId, randomUUID(), 3))).to.equal(false);
  });

  it('are told from later sign-ins by revision, whatever the clocks of the processes say', async () => {
    const started = await start([], 0n);
    const { isRevoked } = started;
    for (const occurredAt of [AHEAD, BEHIND]) {
      const userId = randomUUID();
      await started.passed(await changePassword(userId, null, { occurredAt }), 5_000);
      expect(isRevoked(token(userId, randomUUID(), -1)), occurredAt).to.equal(true);
      expect(isRevoked(token(userId, randomUUID(), 0)), occurredAt).to.equal(false);
    }
  });

  it('end a token from before revisions, and no token of another user', async () => {
    const userId = randomUUID();
    const started = await start([], 0n);
    const { isRevoked } = started;
    await started.passed(await changePassword(userId, null), 5_000);
    expect(isRevoked(token(userId, randomUUID(), NO_REVISION))).to.equal(true);
    expect(isRevoked(token(randomUUID(), randomUUID(), NO_REVISION))).to.equal(false);
  });

  it('end the tokens of a role that was taken away, and none where a role was only added', async () => {
    const userId = randomUUID();
    const started = await start([], 0n);
    const { isRevoked } = started;
    const become = async (role: string, after: bigint): Promise<void> => {
      const data = { role, storeId: null };
      expect(
        await started.passed(await record(`user-${userId}`, { type: 'UserRoleChanged', data, after }), 5_000),
      ).to.equal(true);
    };
    const of = (role: string, revision: number): boolean => isRevoked(token(userId, randomUUID(), revision, role));
    await become('seller', -1n);
    expect([of('buyer', -1), of('seller', 0)]).to.deep.equal([false, false]);
    await become('buyer', 0n);
    expect([of('buyer', -1), of('seller', 0), of('buyer', 1)]).to.deep.equal([false, true, false]);
    // A role that is given again does not bring back the tokens from before.
    await become('seller', 1n);
    expect([of('seller', 0), of('seller', 2)]).to.deep.equal([true, false]);
  });

  it('of a user whose row has no revision yet is looked up in the log', async () => {
    const userId = randomUUID();
    const position = await changePassword(userId, null);
    const { isRevoked } = await start([{ subject: `user-${userId}`, kept_session: null, revision: '-1' }], position);
    expect(isRevoked(token(userId, randomUUID(), -1))).to.equal(true);
    expect(isRevoked(token(userId, randomUUID(), 0))).to.equal(false);
  });

  it('are forgotten by a clock that nobody can set, once no token from before can be alive', async () => {
    const { timers } = mock;
    timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    try {
      const userId = randomUUID();
      const started = await start([], 0n);
      const { isRevoked } = started;
      const position = await changePassword(userId, null);
      started.observe(await store.readAll(position - 1n));
      timers.setTime(Date.now() + 10 * ACCESS_TTL_MS);
      expect(isRevoked(token(userId, randomUUID(), -1))).to.equal(true);
      monotonicMs += ACCESS_TTL_MS + 2 * 3_600_000;
      timers.tick(120_000);
      expect(isRevoked(token(userId, randomUUID(), -1))).to.equal(false);
    } finally {
      timers.reset();
    }
  });

  it('is passed once it has been seen, and not before', async () => {
    const started = await start([], 0n);
    expect(await started.passed(1n, 20)).to.equal(false);
    const waiting = started.passed(1n, 5_000);
    const session = randomUUID();
    await end(session);
    expect(await waiting).to.equal(true);
    expect(started.isRevoked(token(randomUUID(), session))).to.equal(true);
  });

  it('goes on when following breaks off', async () => {
    let opened = 0;
    const sound = store;
    store = {
      ...sound,
      follow: (after, options) => {
        opened += 1;
        if (opened === 1) throw new Error('the log is gone for a moment');
        return sound.follow(after, options);
      },
    };
    const started = await start([], 0n);
    expect(await started.passed(await end(randomUUID()), 5_000)).to.equal(true);
    expect(opened).to.equal(2);
  });
});
