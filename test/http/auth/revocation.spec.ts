import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { toNewEvents } from '../../../src/engine/decide/batch.ts';
import { createRevocations, type Revocations } from '../../../src/http/auth/revocation.ts';
import type { VerifiedToken } from '../../../src/http/auth/tokens.ts';
import { createMemoryEventStore } from '../../support/memoryStore.ts';

const logger = pino({ level: 'silent' });
const ACCESS_TTL_MS = 900_000;

describe('ended sessions', () => {
  const nowMs = Date.now();
  let store: EventStore;
  let revocations: Revocations | undefined;
  const token = (userId: string, sessionId: string, issuedAtMs = nowMs): VerifiedToken => ({
    actor: { id: userId, role: 'buyer', sessionId },
    sessionId,
    issuedAtMs,
    expiresAtMs: issuedAtMs + ACCESS_TTL_MS,
  });
  const end = async (sessionId: string): Promise<bigint> => {
    const now = new Date(nowMs).toISOString();
    const command = { type: 'LogOut', data: {}, id: randomUUID(), actor: 'test', now, correlationId: 'test' };
    const ended = [{ type: 'SessionEnded', data: {} }];
    const result = await store.append(`session-${sessionId}`, -1n, toNewEvents(command, ended));
    if (result.outcome !== 'appended') throw new Error('conflict');
    return result.position;
  };
  /** Starts with the rows and the checkpoint that the projection has written. */
  const start = async (rows: readonly object[], checkpoint: bigint): Promise<Revocations> => {
    const query = (sql: string) =>
      Promise.resolve({ rows: sql.includes('checkpoints') ? [{ position: String(checkpoint) }] : rows });
    revocations = createRevocations({ store, db: { query } as never, accessTtlMs: ACCESS_TTL_MS, logger });
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
    const row = { subject: `session-${inRows}`, revoked_at: new Date(nowMs).toISOString(), kept_session: null };
    const { isRevoked } = await start([row], 1n);
    expect([inRows, behind, open].map((id) => isRevoked(token(randomUUID(), id)))).to.deep.equal([true, true, false]);
  });

  it('spares the session that a user kept, and tokens issued afterwards', async () => {
    const [userId, kept] = [randomUUID(), randomUUID()];
    const row = { subject: `user-${userId}`, revoked_at: new Date(nowMs).toISOString(), kept_session: kept };
    const { isRevoked } = await start([row], 0n);
    expect(isRevoked(token(userId, kept, nowMs - 1))).to.equal(false);
    expect(isRevoked(token(userId, randomUUID(), nowMs))).to.equal(true);
    expect(isRevoked(token(userId, randomUUID(), nowMs + 1))).to.equal(false);
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
