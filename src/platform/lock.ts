import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { mustBeNoLink } from './ownFiles.ts';

/** Most locks are released within milliseconds, so polling starts fast and slows down. */
const POLL_MIN_MS = 2;
const POLL_MAX_MS = 20;
/** For this long, a lock file without valid content counts as one that is being written. */
const WRITING_MS = 2_000;
/** The holder touches its lock file this often. A holder on another host is dead after `SILENT_MS` without a touch. */
const BEAT_INTERVAL_MS = 3_000;
const SILENT_MS = 15_000;
/** Enough to find out that a holder on another host is dead. */
export const FOREIGN_WAIT_MS = SILENT_MS + BEAT_INTERVAL_MS;
/** Suffix of the guard lock. Only its holder may remove the lock of a dead process. */
const GUARD = '.guard';
const PS_TIMEOUT_MS = 2_000;
const UNSEEN = 'unseen';

/** Identifies a process, so that a later process with the same pid, or one in another container, is not mistaken for it. */
export interface Holder {
  readonly pid: number;
  readonly birth: string;
  readonly host: string;
}

export interface Lock {
  release(): Promise<void>;
}

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');

/** Whether a signal reaches the process. Zombies count as alive; `birthOf` excludes them. */
function signalFinds(pid: number): 'alive' | 'foreign' | 'gone' {
  // For `kill`, numbers from zero down mean process groups.
  if (pid <= 0) return 'gone';
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    return hasCode(error, 'EPERM') ? 'foreign' : 'gone';
  }
}

/** Start time of a live process, as the system's text; undefined when there is no process, or only a zombie. */
export function birthOf(pid: number): string | undefined {
  if (signalFinds(pid) === 'gone') return undefined;
  if (process.platform !== 'linux') {
    try {
      const options = { encoding: 'utf8', timeout: PS_TIMEOUT_MS } as const;
      const [state = 'Z', ...began] = execFileSync('/bin/ps', ['-o', 'state=,lstart=', '-p', String(pid)], options)
        .trim()
        .split(/\s+/);
      return state.startsWith('Z') ? undefined : began.join(' ');
    } catch {
      return undefined;
    }
  }
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in brackets. It may itself contain brackets and spaces.
    const [state = 'Z', ...fields] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fields[18] ?? ''}`;
  } catch {
    return signalFinds(pid) === 'gone' ? undefined : UNSEEN;
  }
}

export const isAlive = (pid: number): boolean => birthOf(pid) !== undefined;

/** Whether the process is on this host, so that this process can see it. */
export const isHere = (holder: Holder): boolean => holder.host === os.hostname();

/** Whether exactly this process still runs on this host. */
export function lives(holder: Holder): boolean {
  if (!isHere(holder)) return false;
  const birth = birthOf(holder.pid);
  return birth === UNSEEN || (birth !== undefined && birth === holder.birth);
}

export const thisProcess = (): Holder => ({
  pid: process.pid,
  birth: birthOf(process.pid) ?? UNSEEN,
  host: os.hostname(),
});

export function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, birth, host } = JSON.parse(text) as Partial<Holder>;
    const whole = typeof pid === 'number' && typeof birth === 'string' && typeof host === 'string';
    return whole ? { pid, birth, host } : undefined;
  } catch {
    return undefined;
  }
}

interface Seen {
  readonly text: string;
  readonly touchedMs: number;
  readonly sinceMs: number;
}
/** The lock files that this process waits for, and since when it has seen them as they are. */
const watched = new Map<string, Seen>();

/**
 * For how long this process has seen the lock file untouched. Its own monotonic clock measures that: the time of the touch was
 * written by another clock, so it is only compared with itself.
 */
async function silenceOf(file: string, text: string): Promise<number> {
  const { mtimeMs: touchedMs } = await stat(file);
  const nowMs = performance.now();
  const seen = watched.get(file);
  if (seen?.text === text && seen.touchedMs === touchedMs) return nowMs - seen.sinceMs;
  watched.set(file, { text, touchedMs, sinceMs: nowMs });
  return 0;
}

/** The live holder of the lock; undefined when the lock can be tried again at once. Removes a dead holder's lock. */
async function holderOf(file: string, silentMaxMs: number): Promise<Holder | 'writing' | undefined> {
  await mustBeNoLink(file);
  let judged: string;
  try {
    judged = await readFile(file, 'utf8');
    const holder = parseHolder(judged);
    const silentMs = await silenceOf(file, judged);
    if (holder === undefined ? silentMs < WRITING_MS : isHere(holder) ? lives(holder) : silentMs < silentMaxMs) {
      return holder ?? 'writing';
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  return clearAway(file, judged, silentMaxMs);
}

/**
 * Removes a lock whose holder is dead. Two processes that found the same holder dead must not both remove the lock: the second
 * would remove the lock that a third process has taken meanwhile. So the removal needs a guard lock. A guard whose holder died
 * is removed in the same way.
 */
async function clearAway(file: string, judged: string, silentMaxMs: number): Promise<Holder | undefined> {
  const guard = await takeLock(`${file}${GUARD}`, 0, silentMaxMs);
  if (!('release' in guard)) return guard;
  try {
    if ((await contentOf(file)) === judged) await rm(file, { force: true });
  } finally {
    await guard.release();
  }
  return undefined;
}

const contentOf = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });

/**
 * Takes the lock `file`. Waits at most `waitMs`, then returns the live holder instead. The lock of a dead process counts as
 * free. A process on another host (a container on the same volume) counts as dead when this process has seen no touch of the lock
 * for `silentMaxMs`: a wait of `FOREIGN_WAIT_MS` outlasts it.
 */
export async function takeLock(file: string, waitMs: number, silentMaxMs = SILENT_MS): Promise<Lock | Holder> {
  const until = performance.now() + waitMs;
  const mine = JSON.stringify({ ...thisProcess(), token: randomUUID() });
  for (let pollMs = POLL_MIN_MS; ; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
    if (await create(file, mine)) {
      watched.delete(file);
      return heldBy(file, mine);
    }
    const holder = await holderOf(file, silentMaxMs);
    if (holder === undefined) continue;
    if (holder !== 'writing' && performance.now() >= until) return holder;
    await delay(pollMs * Math.random());
  }
}

/** Creates the lock file. Reads it back: if this process was paused while writing, another may have removed and retaken it. */
async function create(file: string, mine: string): Promise<boolean> {
  try {
    await writeFile(file, mine, { flag: 'wx', mode: 0o600 });
    return (await contentOf(file)) === mine;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function heldBy(file: string, mine: string): Lock {
  const now = (): void => void utimes(file, new Date(), new Date()).catch(() => undefined);
  const beat = setInterval(now, BEAT_INTERVAL_MS).unref();
  return {
    release: async () => {
      clearInterval(beat);
      const kept = await contentOf(file).catch(() => undefined);
      if (kept === mine) await rm(file, { force: true });
    },
  };
}

/** Runs `work` while holding the lock. Throws when the lock is not free within `waitMs`. */
export async function withLock<T>(file: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(file, waitMs);
  if (!('release' in lock))
    throw new Error(`${file} is held by process ${lock.pid}, which did not release it in time.`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
