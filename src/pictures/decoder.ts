import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { unavailable } from '../errors.ts';
import type { Logger } from '../platform/log.ts';
import { createSemaphore } from '../platform/semaphore.ts';
import type { Decoded } from './decode.ts';
import type { ToShop } from './messages.ts';

/** Pictures that one process of the shop decodes at once. */
const AT_ONCE = 2;
const WAITING_MAX = 16;
const WAIT_MAX_MS = 15_000;
/** How long one picture may take, ms. Then the process that decodes it is killed, however deep it is in a loop. */
const DECODE_TIMEOUT_MS = 20_000;
/** How long a process that decodes waits for the next picture before it is ended, ms. */
const IDLE_MS = 30_000;

const PROGRAM = path.join(import.meta.dirname, `decoderProcess${path.extname(import.meta.filename)}`);

/** Resolved in the language of the field: "image cannot be …". */
export type Outcome = { readonly decoded: Decoded } | { readonly refused: string };

export interface Decoder {
  /** Refuses with `unavailable` when it is too busy, or the picture takes too long. */
  decode(bytes: Buffer): Promise<Outcome>;
  /** Ends the processes. */
  stop(): void;
}

export interface DecoderOptions {
  readonly log: Logger;
  /** The program of the processes. */
  readonly program?: string;
  readonly timeoutMs?: number;
  readonly idleMs?: number;
}

const busy = (): Error => unavailable('PicturesBusy', 'Too many pictures are being prepared; try again in a moment.');
const tooSlow = (): Error => unavailable('PictureTooSlow', 'The picture took too long to prepare; try again.');
const DAMAGED = 'cannot be read as a picture: it is damaged';

/**
 * Decodes pictures in processes of their own, so that a file that crashes the decoder, or keeps it busy for ever, harms nothing but
 * its own upload. The processes are begun when they are needed, run behind the others, and know no setting or secret.
 */
export function createDecoder({ log, program = PROGRAM, timeoutMs, idleMs }: DecoderOptions): Decoder {
  const free: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  const idling = new Map<ChildProcess, NodeJS.Timeout>();
  const turns = createSemaphore({
    permits: AT_ONCE,
    wait: { max: WAITING_MAX, timeoutMs: WAIT_MAX_MS, refused: busy },
  });

  function begin(): ChildProcess {
    const child = fork(program, {
      serialization: 'advanced',
      env: { MALLOC_ARENA_MAX: '2' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    all.add(child);
    child.on('error', (error) => log.warn({ err: error }, 'a process that decodes pictures could not be run'));
    child.once('exit', () => {
      all.delete(child);
      clearTimeout(idling.get(child));
      idling.delete(child);
      const at = free.indexOf(child);
      if (at >= 0) free.splice(at, 1);
    });
    // The shop does not live on because of it.
    child.unref();
    child.channel?.unref();
    return child;
  }

  function take(): ChildProcess {
    const child = free.pop() ?? begin();
    clearTimeout(idling.get(child));
    idling.delete(child);
    return child;
  }

  function giveBack(child: ChildProcess): void {
    if (!child.connected) return;
    free.push(child);
    idling.set(child, setTimeout(() => child.disconnect(), idleMs ?? IDLE_MS).unref());
  }

  function ask(child: ChildProcess, bytes: Buffer): Promise<ToShop> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
      };
      const onMessage = (answer: ToShop): void => {
        settle();
        resolve(answer);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        settle();
        resolve({ failed: `the process ended (${signal ?? code})` });
      };
      const onError = (error: Error): void => {
        settle();
        child.kill('SIGKILL');
        reject(unavailable('PicturesUnavailable', 'Pictures cannot be prepared now; try again.', error));
      };
      const timer = setTimeout(() => {
        settle();
        child.kill('SIGKILL');
        reject(tooSlow());
      }, timeoutMs ?? DECODE_TIMEOUT_MS);
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      child.send({ bytes }, (error) => {
        if (error !== null) onError(error);
      });
    });
  }

  async function decodeNow(bytes: Buffer): Promise<Outcome> {
    const child = take();
    const answer = await ask(child, bytes);
    giveBack(child);
    if (!('failed' in answer)) return answer;
    log.warn({ reason: answer.failed, bytes: bytes.length }, 'a picture could not be decoded');
    return { refused: DAMAGED };
  }

  return {
    decode: (bytes) => turns.run(() => decodeNow(bytes)),
    stop() {
      for (const child of all) child.kill('SIGKILL');
    },
  };
}
