import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { status, type ServerWritableStream } from '@grpc/grpc-js';
import streams, { type ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { createSignal, type Signal } from '../../../src/platform/signal.ts';
import type { Faults } from './faults.ts';
import type { DoubleLog, LogRecord } from './log.ts';
import * as wire from './wire.ts';

/** Records considered per filter checkpoint, times the client's multiplier. */
const SEARCH_WINDOW = 32;

type ReadCall = ServerWritableStream<ReadReq, ReadResp>;
type Options = ReadReq.Options;

export interface ReadingDeps {
  readonly log: DoubleLog;
  readonly faults: Faults;
  /** Refuses requests that only a leader may answer. */
  refuse(call: { metadata: ReadCall['metadata'] }): Error | undefined;
  /** Every open subscription: a function that ends it, cleanly or with an error. */
  readonly subscriptions: Set<(error?: Error) => void>;
}

/** Answers reads of streams and of `$all`, both ways, and filtered subscriptions to `$all`. */
export const createReading = (deps: ReadingDeps) => (call: ReadCall) => {
  void answer(deps, call).catch((error: unknown) => call.emit('error', error as Error));
};

async function answer(deps: ReadingDeps, call: ReadCall): Promise<void> {
  const options = call.request.getOptions()!;
  if (!options.hasSubscription()) await deps.faults.gate();
  const refusal = deps.refuse(call);
  if (refusal !== undefined) call.emit('error', refusal);
  else if (deps.faults.takes('readsUnavailable')) {
    call.emit('error', wire.rpcError(status.UNAVAILABLE, 'the double is told to be unavailable'));
  } else if (options.hasSubscription()) await subscribe(deps, call, options);
  else if (options.hasAll()) await readAll(deps, call, options);
  else await readStream(deps, call, options);
}

const drained = new WeakMap<ReadCall, Signal>();
const forever = new AbortController().signal;
setMaxListeners(0, forever);

/** Sends a response. Waits while the client does not read, but not for a client that has gone. */
async function send(call: ReadCall, response: ReadResp): Promise<void> {
  if (isGone(call)) return;
  let changed = drained.get(call);
  if (changed === undefined) {
    const made = createSignal();
    for (const event of ['drain', 'close', 'cancelled']) call.on(event, () => made.raise());
    drained.set(call, made);
    changed = made;
  }
  const seen = changed.count;
  if (!call.write(response) && !isGone(call)) await changed.next(seen, { signal: forever });
}

const isGone = (call: ReadCall): boolean => call.destroyed || call.cancelled;

const isBackwards = (options: Options): boolean =>
  options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;

const responseOf = ({ faults }: ReadingDeps, record: LogRecord): ReadResp => {
  const { position } = record;
  const commit = faults.now.transactions ? position + 100n : position;
  return wire.eventResponse(record, { commit, prepare: position });
};

async function readStream(deps: ReadingDeps, call: ReadCall, options: Options): Promise<void> {
  const asked = options.getStream()!;
  const name = wire.nameOf(asked.getStreamIdentifier());
  const records = deps.log.stream(name);
  if (records.length === 0) await send(call, wire.streamNotFound(name));
  const last = records.length - 1;
  const given = asked.hasEnd() ? last : asked.hasStart() ? 0 : Number(asked.getRevision());
  const backwards = isBackwards(options);
  const count = Number(options.getCount());
  const step = backwards ? -1 : 1;
  const from = backwards ? Math.min(given, last) : given;
  for (let n = 0, at = from; n < count && at >= 0 && at <= last; n += 1, at += step) {
    const record = records[at]!;
    const place = { commit: wire.NO_POSITION, prepare: wire.NO_POSITION };
    const response = deps.faults.now.withoutPositions ? wire.eventResponse(record, place) : responseOf(deps, record);
    await send(call, response);
  }
  call.end();
}

/** The index in the log to start from; undefined for a position that is no record's boundary, which servers refuse. */
function startOf({ log }: ReadingDeps, options: Options): number | undefined {
  const asked = options.getAll()!;
  if (asked.hasStart()) return 0;
  if (asked.hasEnd()) return log.all.length;
  const { commitPosition, preparePosition } = asked.getPosition()!.toObject();
  return commitPosition === preparePosition ? log.indexAt(BigInt(commitPosition)) : undefined;
}

async function readAll(deps: ReadingDeps, call: ReadCall, options: Options): Promise<void> {
  const from = startOf(deps, options);
  if (from === undefined) return void call.emit('error', wire.invalidPosition());
  const { all } = deps.log;
  const count = Number(options.getCount());
  // A read forwards begins with the record at the position, a read backwards with the one before it.
  const backwards = isBackwards(options);
  const page = backwards ? all.slice(Math.max(0, from - count), from).reverse() : all.slice(from, from + count);
  for (const record of page) await send(call, responseOf(deps, record));
  call.end();
}

function filterOf(options: Options): (record: LogRecord) => boolean {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const [expression, text] = filter.hasEventType()
    ? ([filter.getEventType()!, (record: LogRecord) => record.type] as const)
    : ([filter.getStreamIdentifier()!, (record: LogRecord) => record.stream] as const);
  if (expression.getRegex() === '') {
    return (record) => expression.getPrefixList().some((prefix) => text(record).startsWith(prefix));
  }
  const regex = new RegExp(expression.getRegex());
  return (record) => regex.test(text(record));
}

/** Registers a subscription, so that it can be ended. The signal aborts when the subscription is over. */
function lifeOf({ subscriptions }: ReadingDeps, call: ReadCall): AbortSignal {
  const gone = new AbortController();
  const end = (error?: Error): void => {
    if (error === undefined) call.end();
    else call.emit('error', error);
    gone.abort();
  };
  call.once('cancelled', () => gone.abort()).once('close', () => gone.abort());
  subscriptions.add(end);
  gone.signal.addEventListener('abort', () => subscriptions.delete(end));
  return gone.signal;
}

async function subscribe(deps: ReadingDeps, call: ReadCall, options: Options): Promise<void> {
  const { log, faults } = deps;
  const start = startOf(deps, options);
  if (start === undefined) return void call.emit('error', wire.invalidPosition());
  const gone = lifeOf(deps, call);
  const matches = filterOf(options);
  const window = SEARCH_WINDOW * Math.max(1, options.getFilter()?.getCheckpointintervalmultiplier() ?? 1);
  // A subscription begins after its position.
  let next = options.getAll()!.hasPosition() && log.all[start] !== undefined ? start + 1 : start;
  let considered = 0;
  let live = false;

  async function catchUp(): Promise<void> {
    for (; next < log.all.length && !gone.aborted && !faults.now.silent; next += 1) {
      const record = log.all[next]!;
      if (matches(record)) await send(call, responseOf(deps, record));
      considered += 1;
      if (options.hasFilter() && considered % window === 0) await send(call, wire.checkpoint(record.position));
    }
  }

  await send(call, wire.confirmation(randomUUID()));
  while (!gone.aborted) {
    const seen = log.grown.count;
    await faults.audible(gone);
    await catchUp();
    if (!live) await send(call, wire.caughtUp());
    live = true;
    if (!isSilent(faults)) await log.grown.next(seen, { signal: gone });
  }
}

const isSilent = ({ now }: Faults): boolean => now.silent;
