import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { exportLog, hashLog, type Export, type ExportProgress } from '../backup/exportLog.ts';
import type { Trailer } from '../backup/format.ts';
import { isGzip } from '../backup/lines.ts';
import { mayWriteFile, writeFileSafely } from '../platform/newFile.ts';
import { handlerStatus, type HandlerStatus } from './followers.ts';
import { onLog, tellSecurity, type LogCommand } from './onShop.ts';
import { count, createProgressBar, duration } from './progressBar.ts';
import { bold } from './text.ts';

interface Options {
  readonly hash?: boolean;
  readonly json?: boolean;
}

function progress({ store }: LogCommand, label: string, quiet: boolean) {
  const bar = createProgressBar({ label, unit: store.contiguous ? 'events' : 'positions', total: 0, quiet });
  const onProgress = ({ done, total }: ExportProgress): void => bar.update(Number(done), Number(total));
  return { onProgress, stop: () => bar.stop() };
}

/** A file that is there holds the whole export: it gets its name once it is complete and on disk. */
const toFile = (chunks: Export['chunks'], file: string): Promise<void> =>
  writeFileSafely(file, async (handle) => {
    const write = async (written: AsyncIterable<string | Buffer>): Promise<void> => {
      for await (const chunk of written) await handle.writeFile(chunk);
    };
    if (isGzip(file)) await pipeline(Readable.from(chunks), createGzip(), write);
    else await pipeline(Readable.from(chunks), write);
  });

async function toStdout(chunks: Export['chunks']): Promise<void> {
  await pipeline(Readable.from(chunks), process.stdout, { end: false });
}

/** The handlers that lag behind the log. What they have not handled yet stays unhandled after an import without `replay`. */
async function behind({ pool, store }: LogCommand): Promise<HandlerStatus[]> {
  return (await handlerStatus(pool, store, await store.head())).filter(({ lag }) => lag > 0n);
}

async function write(command: LogCommand, file: string, json: boolean): Promise<void> {
  if (file !== '-') await mayWriteFile(file);
  const late = await behind(command);
  const beganAt = performance.now();
  const { onProgress, stop } = progress(command, 'export', json);
  const made = exportLog({ ...command, onProgress });
  await (file === '-' ? toStdout(made.chunks) : toFile(made.chunks, file)).finally(stop);
  tellSecurity(command.log, 'export of the log', { events: made.trailer!.events, keys: made.trailer!.keys });
  tell(made.trailer!, { file, json, late, seconds: (performance.now() - beganAt) / 1_000 });
}

/** Prints to stderr when the export goes to stdout. */
function tell(
  trailer: Trailer,
  { file, json, late, seconds }: { file: string; json: boolean; late: readonly HandlerStatus[]; seconds: number },
): void {
  const say = file === '-' ? console.error : console.log;
  const names = late.map(({ name }) => name);
  if (json) {
    say(JSON.stringify({ file, ...trailer, handlers_behind: names }));
    return;
  }
  const { events, keys, log_hash: hash } = trailer;
  say(`${bold(`${count(events)} events and ${count(keys)} keys`)} exported in ${duration(seconds)}; log hash ${hash}`);
  if (names.length === 0) return;
  say(`Behind the log: ${names.join(', ')}. What they have not handled yet is not handled after an import either.`);
}

async function hash(command: LogCommand, json: boolean): Promise<void> {
  const { onProgress, stop } = progress(command, 'hash', json);
  const found = await hashLog(command.store, { onProgress }).finally(stop);
  console.log(json ? JSON.stringify(found) : found.log_hash);
}

const MORE = `
One line of JSON for each event, in the order of the log, after the keys of persons (wrapped by MASTER_KEY,
which is not in it). The shop may go on meanwhile: later events are not in the export.
The export and MASTER_KEY together open everybody's personal data: keep them apart.`;

export function register(program: Command): void {
  const command = program
    .command('export')
    .description('write the whole log, with the encryption keys of its persons, to a file')
    .argument('[file]', 'NDJSON, packed when the name ends in .gz; "-" is stdout')
    .option('--hash', 'only print the hash of the log')
    .option('--json', 'what came of it as one JSON object')
    .addHelpText('after', MORE);
  command.action(async (file: string | undefined, { hash: onlyHash = false, json = false }: Options) => {
    if ((file === undefined) !== onlyHash) command.error('error: name a file, or give --hash');
    await onLog((opened) => (file === undefined ? hash(opened, json) : write(opened, file, json)));
  });
}
