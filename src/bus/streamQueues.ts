import { park, PARKED_PAGE, type Parking } from '../engine/follow/deadLetters.ts';
import { type Parked, release } from '../engine/follow/parked.ts';
import type { RecordedEvent } from '../eventstore/eventStore.ts';
import { deliver } from './attempts.ts';
import { finish, saveSurely, track, type ConsumerRun, type Stream } from './consumerRun.ts';

const BEHIND_DEAD = 'waits behind a dead letter';
const BEHIND_SLOW = 'waits behind a slow event';

export function streamOfRun(run: ConsumerRun, name: string): Stream {
  let stream = run.streams.get(name);
  if (stream === undefined) {
    stream = { name, queue: [], overflow: [], parked: false, overflowed: 0, working: false, spilling: undefined };
    run.streams.set(name, stream);
  }
  return stream;
}

/** Takes in one event. If its stream has no room in memory, the event goes to the database and comes back in order. */
export function accept(run: ConsumerRun, event: RecordedEvent): void {
  const stream = streamOfRun(run, event.stream);
  run.window.begin(event.position);
  if (stream.parked || stream.queue.length >= run.limits.streamEventsMax) {
    stream.parked = true;
    stream.overflowed += 1;
    stream.overflow.push(event);
    spill(run, stream);
  } else {
    stream.queue.push(event);
    begin(run, stream);
  }
}

/** Starts a worker for the stream, unless one runs. A single worker keeps the stream's order. */
export function begin(run: ConsumerRun, stream: Stream): void {
  if (stream.working) return;
  stream.working = true;
  track(run, work(run, stream));
}

function spill(run: ConsumerRun, stream: Stream): void {
  if (stream.spilling !== undefined) return;
  stream.spilling = pour(run, stream);
  track(run, stream.spilling);
}

async function pour(run: ConsumerRun, stream: Stream): Promise<void> {
  try {
    while (stream.overflow.length > 0) {
      const events = stream.overflow.slice(0, PARKED_PAGE);
      await parkAll(
        run,
        events.map((event) => ({ event, status: 'waiting', reason: BEHIND_SLOW, attempts: 0 })),
      );
      stream.overflow.splice(0, events.length);
    }
  } finally {
    stream.spilling = undefined;
  }
}

async function parkAll(run: ConsumerRun, parkings: readonly Parking[]): Promise<void> {
  await saveSurely(run, (tx) => park(tx, run.subscription.name, parkings));
  for (const { event } of parkings) finish(run, event, true);
}

/** Works on the stream until it is empty. There is no `await` between the last check and the end, so no event is missed. */
async function work(run: ConsumerRun, stream: Stream): Promise<void> {
  try {
    while (!run.halt.aborted) {
      const [event] = stream.queue;
      if (event === undefined && !stream.parked) break;
      const goOn = event === undefined ? await drain(run, stream) : await handleFirst(run, stream, event);
      if (!goOn) break;
    }
  } finally {
    stream.working = false;
    if (!stream.parked && stream.queue.length === 0) run.streams.delete(stream.name);
  }
}

async function handleFirst(run: ConsumerRun, stream: Stream, event: RecordedEvent): Promise<boolean> {
  const outcome = await deliver(run.subscription, event, run);
  if (outcome.kind === 'interrupted') return false;
  if (outcome.kind === 'handled') finish(run, event, false);
  else await bury(run, stream, outcome);
  stream.queue.shift();
  return true;
}

/** Makes the stream's first event a dead letter, and parks the events in memory behind it. */
async function bury(
  run: ConsumerRun,
  stream: Stream,
  { reason, attempts }: { reason: string; attempts: number },
): Promise<void> {
  stream.parked = true;
  const [dead, ...behind] = stream.queue as [RecordedEvent, ...RecordedEvent[]];
  await parkAll(run, [
    { event: dead, status: 'dead', reason, attempts },
    ...behind.map((event): Parking => ({ event, status: 'waiting', reason: BEHIND_DEAD, attempts: 0 })),
  ]);
  stream.queue.length = 1;
  run.log.error(
    { consumer: run.subscription.name, eventId: dead.id, type: dead.type, stream: dead.stream, reason, attempts },
    'an event became a dead letter',
  );
}

/** Handles the stream's parked events, up to the first that waits for an operator. Returns whether more work may be left. */
async function drain(run: ConsumerRun, stream: Stream): Promise<boolean> {
  const { overflowed } = stream;
  const { open, events } = await release(parkedOfRun(run), stream.name);
  if (!open) return false;
  if (stream.spilling !== undefined) await stream.spilling;
  else if (events === 0 && stream.overflowed === overflowed) stream.parked = false;
  return true;
}

const parkedOfRun = (run: ConsumerRun): Parked => ({
  ...{ pool: run.pool, store: run.store, log: run.log, follower: run.subscription.name },
  isOver: () => run.halt.aborted,
  redo: async (event, settle) => {
    const outcome = await deliver(run.subscription, event, run);
    if (outcome.kind === 'handled') await saveSurely(run, settle);
    return outcome;
  },
  commit: (write) => saveSurely(run, write),
});
