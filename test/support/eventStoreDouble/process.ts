import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { programArgs } from '../process.ts';

/** The double's program: the compiled one if the program that starts it was compiled. */
const MAIN = path.join(import.meta.dirname, `main${path.extname(import.meta.filename)}`);
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;

export interface EventStoreDoubleProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A double in a process of its own: for benches, and for logs that must outlive the process that uses them. */
export async function spawnEventStoreDouble(): Promise<EventStoreDoubleProcess> {
  const child = spawn(process.execPath, programArgs(MAIN), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    let out = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the double did not listen within ${READY_TIMEOUT_MS} ms`));
    }, READY_TIMEOUT_MS);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the double ended with ${code ?? signal ?? 'nothing'}`)));
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (!out.includes('\n')) return;
      clearTimeout(timer);
      resolve(out.trim());
    });
  });
  return {
    url,
    pid: child.pid!,
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
    },
  };
}
