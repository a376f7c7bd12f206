import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { createPublishing } from '../../../src/bus/nats/publishing.ts';
import { eventually } from '../../support/eventually.ts';

interface Message {
  readonly position: bigint;
}
const messages = (count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({ position: BigInt(index + 1) }));

/** Has one message that can neither be published nor recovered. */
async function givenUp() {
  const failing = createPublishing<Message>({
    signal: new AbortController().signal,
    publish: () => Promise.reject(new Error('no answer')),
    recover: () => Promise.reject(new Error('away')),
    onStored: () => undefined,
  });
  await failing.push({ position: 1n });
  return failing;
}

function bench(publish: (message: Message, attempt: number) => Promise<unknown>, max = 4) {
  const sent: number[] = [];
  const stored: bigint[] = [];
  const recovered: number[] = [];
  const tries = new Map<bigint, number>();
  let underWay = 0;
  let together = 0;
  const stopping = new AbortController();
  const publishing = createPublishing<Message>({
    max,
    signal: stopping.signal,
    async publish(message) {
      const attempt = (tries.get(message.position) ?? 0) + 1;
      tries.set(message.position, attempt);
      sent.push(Number(message.position));
      underWay += 1;
      together = Math.max(together, underWay);
      try {
        await publish(message, attempt);
      } finally {
        underWay -= 1;
      }
    },
    recover: (_, failures) => {
      expect(underWay, 'none is under way').to.equal(0);
      recovered.push(failures);
      return Promise.resolve();
    },
    onStored: (position) => stored.push(position),
  });
  return { publishing, sent, stored, recovered, stopping, together: () => together };
}

describe('publishing', () => {
  it('keeps a window full, and reports stored messages in order, in any order of answers', async () => {
    const { publishing, sent, stored, together } = bench(({ position }) => pause(Number(7n - (position % 7n))));
    for (const message of messages(40)) await publishing.push(message);
    await publishing.drained();
    expect(sent).to.deep.equal(messages(40).map(({ position }) => Number(position)));
    expect(together()).to.equal(4);
    expect(stored.at(-1)).to.equal(40n);
    expect(stored).to.deep.equal([...stored].sort((a, b) => Number(a - b)));
  });

  it('publishes again, in order, what it does not know to be stored, and passes nothing until it is', async () => {
    const { publishing, sent, stored, recovered } = bench(({ position }, attempt) =>
      position === 2n && attempt < 3 ? Promise.reject(new Error('TIMEOUT')) : pause(1),
    );
    for (const message of messages(6)) await publishing.push(message);
    await publishing.drained();
    expect(sent.filter((position) => position === 2)).to.have.length(3);
    expect(sent.filter((position) => position === 3)).to.have.length(1);
    expect(stored[0]).to.equal(1n);
    expect(stored.at(-1)).to.equal(6n);
    expect(stored).not.to.include(3n);
    expect(recovered).to.deep.equal([1, 2]);
  });

  it('publishes again what failed last, though nothing is pushed after it', async () => {
    const { publishing, stored } = bench((_, attempt) =>
      attempt < 3 ? Promise.reject(new Error('TIMEOUT')) : Promise.resolve(),
    );
    for (const message of messages(3)) await publishing.push(message);
    await eventually('all is stored', () => stored.at(-1) === 3n);
  });

  it('tells that it is given up, though nothing is pushed after it', async () => {
    const failing = await givenUp();
    await eventually('it is told', () => failing.broken.aborted);
    expect(failing.broken.reason).to.have.property('message', 'away');
  });

  it('rejects when it is given up, and returns when it is stopped', async () => {
    const failing = await givenUp();
    const failure: unknown = await failing.drained().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property('message', 'away');

    const { publishing, stopping } = bench(() => new Promise(() => undefined), 1);
    await publishing.push({ position: 1n });
    const waiting = publishing.push({ position: 2n });
    stopping.abort();
    await waiting;
  });
});
