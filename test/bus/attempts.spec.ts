import { expect } from 'chai';
import { pino } from 'pino';
import { type AttemptOptions, deliver } from '../../src/bus/attempts.ts';
import { createSemaphore } from '../../src/platform/semaphore.ts';
import { isUnavailable } from '../../src/engine/follow/retry.ts';
import { Refusal } from '../../src/errors.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';

const event = { id: 'e', type: 'Happened', stream: 'thing-1', position: 1n, revision: 0n } as RecordedEvent;
const retry = { attemptsMax: 3, delayMs: 1, delayMaxMs: 2, timeoutMs: 1_000 };

const options = (more: Partial<AttemptOptions> = {}): AttemptOptions => ({
  retry,
  patienceMs: 1_000,
  permits: createSemaphore({ permits: 2 }),
  log: pino({ level: 'silent' }),
  halt: new AbortController().signal,
  abort: new AbortController().signal,
  onFailure: () => undefined,
  ...more,
});
const consumer = (handle: (attempt: number, signal: AbortSignal) => Promise<void>) => ({
  name: 'tester',
  types: ['Happened'],
  handle: ({ attempt, signal }: { attempt: number; signal: AbortSignal }) => handle(attempt, signal),
});

describe('attempts', () => {
  it('tell a part that is away from an event that cannot be handled', () => {
    expect(isUnavailable(new Refusal('unavailable', 'Away', 'away'))).to.equal(true);
    expect(isUnavailable(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))).to.equal(true);
    expect(isUnavailable(new Refusal('rejected', 'No', 'no'))).to.equal(false);
    expect(isUnavailable(new Error('bug'))).to.equal(false);
  });

  it('end in a failure that says why and after how many', async () => {
    const outcome = await deliver(
      consumer(() => Promise.reject(new TypeError('bad\u0000data'))),
      event,
      options(),
    );
    expect(outcome).to.deep.equal({ kind: 'failed', reason: 'TypeError: bad\ufffddata', attempts: 3 });
  });

  it('are interrupted in their wait when the bus halts, and then none is begun', async () => {
    const halting = new AbortController();
    let attempts = 0;
    const outcome = await deliver(
      consumer(() => {
        attempts += 1;
        halting.abort();
        return Promise.reject(new Error('no'));
      }),
      event,
      options({ halt: halting.signal, retry: { ...retry, delayMs: 60_000, delayMaxMs: 60_000 } }),
    );
    expect(outcome).to.deep.equal({ kind: 'interrupted' });
    expect(attempts).to.equal(1);
    expect(
      await deliver(
        consumer(() => Promise.resolve()),
        event,
        options({ halt: halting.signal }),
      ),
    ).to.deep.equal({ kind: 'interrupted' });
  });

  it('are given up when the bus aborts, and the handler is told', async () => {
    const aborting = new AbortController();
    let told = false;
    const handling = deliver(
      consumer((_attempt, signal) => {
        signal.addEventListener('abort', () => (told = true));
        return new Promise(() => undefined);
      }),
      event,
      options({ abort: aborting.signal }),
    );
    await Promise.resolve();
    aborting.abort();
    expect(await handling).to.deep.equal({ kind: 'interrupted' });
    expect(told).to.equal(true);
  });
});
