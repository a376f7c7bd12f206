import type { RecordedEvent } from '../../eventstore/eventStore.ts';
import { dead, fold, plan, type Folded, type Rows } from './apply.ts';
import type { Prepared } from './validate.ts';
import { NOTHING, Unsendable } from './table.ts';

/** Data exceptions, broken constraints, and values too large for an index: the row is at fault, not the server. */
const REFUSED = /^(22|23|54)[0-9A-Z]{3}$/;

/** The table that a batch's rows are loaded from and written to. */
export interface Sink {
  load(keys: ReadonlySet<string>): Promise<Rows>;
  /** Writes all or nothing. `position` is the table's position afterwards. */
  commit(position: bigint, folded: Folded): Promise<void>;
}

/** Whether these values can never be stored: they cannot be sent, or Postgres refuses them. A retry does not help. */
export function isRefused(error: unknown): boolean {
  if (error instanceof Unsendable) return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && REFUSED.test(error.code);
}

/**
 * Applies a batch of events: one load, one commit. When Postgres refuses the rows, the batch is halved until the event at
 * fault is alone; that event is parked. Streams with parked events are added to `blocked` after the commit.
 */
export async function project(
  prepared: Prepared,
  sink: Sink,
  blocked: Set<string>,
  { events, position }: { events: readonly RecordedEvent[]; position: bigint },
): Promise<void> {
  try {
    await projectAtOnce(prepared, sink, blocked, { events, position });
  } catch (error) {
    if (!isRefused(error)) throw error;
    if (events.length === 1) {
      await commit(sink, blocked, position, { ...NOTHING, parkings: [dead(events[0]!, error)] });
      return;
    }
    const half = Math.ceil(events.length / 2);
    const first = events.slice(0, half);
    await project(prepared, sink, blocked, { events: first, position: first.at(-1)!.position });
    await project(prepared, sink, blocked, { events: events.slice(half), position });
  }
}

async function projectAtOnce(
  prepared: Prepared,
  sink: Sink,
  blocked: Set<string>,
  { events, position }: { events: readonly RecordedEvent[]; position: bigint },
): Promise<void> {
  const { touches, parkings, keys } = plan(prepared, events, blocked);
  const rows = await sink.load(keys);
  parkings.push(...fold(prepared, touches, rows));
  await commit(sink, blocked, position, { rows, parkings });
}

async function commit(sink: Sink, blocked: Set<string>, position: bigint, folded: Folded): Promise<void> {
  await sink.commit(position, folded);
  for (const { event } of folded.parkings) blocked.add(event.stream);
}
