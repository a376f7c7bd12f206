import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { decode, prepare, Undecodable } from './decode.ts';
import type { ToDecoder, ToShop } from './messages.ts';

/** Behind the processes that answer requests. */
const NICENESS = 10;
/** The most that Linux takes: where memory runs out, this process goes first, not the shop. */
const OOM_SCORE = '1000';

/** Where the system does not allow it, the process runs like any other. */
function stepBack(): void {
  try {
    os.setPriority(NICENESS);
    writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
  } catch {
    // Not Linux, or not allowed.
  }
}

async function answerTo({ bytes }: ToDecoder): Promise<ToShop> {
  try {
    return { decoded: await decode(Buffer.from(bytes)) };
  } catch (error) {
    return error instanceof Undecodable ? { refused: error.message } : { failed: String(error) };
  }
}

stepBack();
prepare();
process.on('message', (message: ToDecoder) => {
  void answerTo(message).then((answer) => process.send?.(answer));
});
// The shop is gone.
process.on('disconnect', () => process.exit());
// A stop from the terminal goes to the whole group: the shop lets the picture in hand finish.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
