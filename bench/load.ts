import net from 'node:net';
import { roundsOf, type Round } from './measure.ts';
import type { BenchOptions } from './row.ts';

/** Rounds of each side, after one to warm it up. */
const ROUNDS = 5;
/** How long a connection may stay without an answer. */
const SILENCE_MAX_MS = 10_000;
const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_AT = 9;

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the next request of a connection. */
  next(connection: number): Buffer;
}

export interface Load {
  readonly perSecond: number;
  /** The number of answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** One request as it goes over the wire. */
export function wire(method: string, path: string, options: { token?: string; body?: unknown } = {}): Buffer {
  const { token, body } = options;
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: bench',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`);
}

/** The length of the first answer in the buffer, in bytes; undefined while it is incomplete. Throws without a `content-length`. */
function lengthOfAnswer(received: Buffer): number | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const at = head.search(/content-length: /i);
  if (at < 0) throw new Error(`an answer without a length: ${head}`);
  const length = headEnd + HEAD_END.length + Number.parseInt(head.slice(at + 'content-length: '.length), 10);
  return received.length < length ? undefined : length;
}

/** One keep-alive connection that sends its next request as soon as it has the answer to the last. */
function run(options: LoadOptions, connection: number, onAnswer: (status: string) => boolean): Promise<void> {
  const { hostname, port } = new URL(options.url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    let received: Buffer = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.setTimeout(SILENCE_MAX_MS, () => socket.destroy(new Error('no answer')));
    socket.once('connect', () => socket.write(options.next(connection)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed a connection')));
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = lengthOfAnswer(received);
      if (length === undefined) return;
      const goesOn = onAnswer(received.toString('latin1', STATUS_AT, STATUS_AT + 3));
      received = received.subarray(length);
      if (goesOn) {
        socket.write(options.next(connection));
        return;
      }
      socket.removeAllListeners('close');
      socket.once('close', () => resolve());
      socket.end();
    });
  });
}

/** Sends requests for `durationMs` on all connections. The client is lean, so that it does not distort the measurement. */
export async function load(options: LoadOptions): Promise<Load> {
  const statuses: Record<string, number> = {};
  const startedAt = performance.now();
  const endsAt = startedAt + options.durationMs;
  let answered = 0;
  const onAnswer = (status: string): boolean => {
    answered += 1;
    statuses[status] = (statuses[status] ?? 0) + 1;
    return performance.now() < endsAt;
  };
  await Promise.all(Array.from({ length: options.connections }, (_, index) => run(options, index, onAnswer)));
  return { perSecond: (answered * 1_000) / (performance.now() - startedAt), statuses };
}

/** One measurement; every request must have succeeded. */
async function measured(side: string, measure: () => Promise<Load>): Promise<number> {
  const { perSecond, statuses } = await measure();
  const wrong = Object.keys(statuses).filter((status) => !status.startsWith('2'));
  if (wrong.length > 0) throw new Error(`${side} answered ${JSON.stringify(statuses)}`);
  return perSecond;
}

/**
 * Runs both sides in turn, so that disturbances of the machine affect both. In a turn against another commit only our side runs, and
 * the yardstick's figures are NaN.
 */
export async function compare(
  options: BenchOptions,
  ours: () => Promise<Load>,
  theirs: () => Promise<Load>,
): Promise<Round[]> {
  const alone = options.rounds !== undefined;
  const rounds: Round[] = [];
  for (let round = 0; round <= roundsOf(options, ROUNDS); round += 1) {
    rounds.push({ ours: await measured('ours', ours), theirs: alone ? NaN : await measured('theirs', theirs) });
  }
  // The first round only warms both sides up.
  return rounds.slice(1);
}
