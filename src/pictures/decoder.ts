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
type Outcome = { readonly decoded: Decoded } | { readonly refused: string };

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

/** Begins a process that decodes. */
function begin(program: string, log: Logger): ChildProcess {
  const child = fork(program, {
    serialization: 'advanced',
    env: { MALLOC_ARENA_MAX: '2' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.on('error', (error) => log.warn({ err: error }, 'a process that decodes pictures could not be run'));
  // The shop does not live on because of it.
  child.unref();
  child.channel?.unref();
  return child;
}

/** Sends one picture to a process, and waits for its answer, its end or the time to be over. */
function ask(child: ChildProcess, bytes: Buffer, timeoutMs: number): Promise<ToShop> {
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
    }, timeoutMs);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    child.send({ bytes }, (error) => {
      if (error !== null) onError(error);
    });
  });
}

/** The processes that decode. A free one is taken again; one that stays free for long is ended. */
function createProcesses({ log, program = PROGRAM, idleMs = IDLE_MS }: DecoderOptions) {
  const free: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  const idling = new Map<ChildProcess, NodeJS.Timeout>();

  const busyAgain = (child: ChildProcess): void => {
    clearTimeout(idling.get(child));
    idling.delete(child);
  };

  function another(): ChildProcess {
    const child = begin(program, log);
    all.add(child);
    child.once('exit', () => {
      all.delete(child);
      busyAgain(child);
      const at = free.indexOf(child);
      if (at >= 0) free.splice(at, 1);
    });
    return child;
  }

  /** It leaves the free ones at once: a process that is ending must not be taken. */
  const end = (child: ChildProcess): void => {
    free.splice(free.indexOf(child), 1);
    child.disconnect();
  };

  return {
    take(): ChildProcess {
      const child = free.pop() ?? another();
      busyAgain(child);
      return child;
    },
    giveBack(child: ChildProcess): void {
      if (!child.connected) return;
      free.push(child);
      idling.set(child, setTimeout(() => end(child), idleMs).unref());
    },
    stop(): void {
      for (const child of all) child.kill('SIGKILL');
    },
  };
}

/**
 * Decodes pictures in processes of their own, so that a file that crashes the decoder, or keeps it busy for ever, harms nothing but
 * its own upload. The processes are begun when they are needed, run behind the others, and know no setting or secret.
 */
export function createDecoder(options: DecoderOptions): Decoder {
  const { log, timeoutMs = DECODE_TIMEOUT_MS } = options;
  const processes = createProcesses(options);
  const turns = createSemaphore({
    permits: AT_ONCE,
    wait: { max: WAITING_MAX, timeoutMs: WAIT_MAX_MS, refused: busy },
  });

  async function decodeNow(bytes: Buffer): Promise<Outcome> {
    const child = processes.take();
    const answer = await ask(child, bytes, timeoutMs);
    processes.giveBack(child);
    if (!('failed' in answer)) return answer;
    log.warn({ reason: answer.failed, bytes: bytes.length }, 'a picture could not be decoded');
    return { refused: DAMAGED };
  }

  return {
    decode: (bytes) => turns.run(() => decodeNow(bytes)),
    stop: () => processes.stop(),
  };
}
