import { status, type sendUnaryData, type ServerDuplexStream, type ServerReadableStream } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams, {
  type AppendReq,
  type AppendResp,
  type BatchAppendReq,
  type BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import type { Faults } from './faults.ts';
import { NOBODY, type AppendAnswer, type DoubleLog, type Expected, type ProposedRecord } from './log.ts';
import * as wire from './wire.ts';

/** The default limit of servers. */
const APPEND_BYTES_MAX = 1024 * 1024;

type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;

export interface AppendingDeps {
  readonly log: DoubleLog;
  readonly faults: Faults;
  refuse(call: { metadata: BatchCall['metadata'] }): Error | undefined;
  /** The error that sends a client to the leader. */
  notLeader(): Error;
  /** Every open batch stream: a function that ends it, cleanly or with an error. */
  readonly batches: Set<(error?: Error) => void>;
  /** Called once for every append that arrives, with any outcome. */
  onAppend(): void;
}

interface Gathering {
  readonly options: BatchAppendReq.Options;
  readonly proposed: ProposedRecord[];
  bytes: number;
}

/** One long call that carries all of a client's appends. Each gets its own answer, in any order. */
export const createBatchAppending = (deps: AppendingDeps) => (call: BatchCall) => {
  const refusal = deps.refuse(call);
  if (refusal !== undefined) return void call.emit('error', refusal);
  const gathering = new Map<string, Gathering>();
  const end = (error?: Error): void => {
    if (error === undefined) call.end();
    else call.emit('error', error);
    deps.batches.delete(end);
  };
  deps.batches.add(end);
  call.on('error', () => end());
  call.on('cancelled', () => deps.batches.delete(end));
  call.on('end', () => end());
  call.on('data', (request: BatchAppendReq) => {
    const id = request.getCorrelationId()!.getString();
    const options = request.getOptions();
    if (options !== undefined) gathering.set(id, { options, proposed: [], bytes: 0 });
    const gathered = gathering.get(id);
    if (gathered === undefined) return;
    for (const message of request.getProposedMessagesList()) {
      gathered.proposed.push(wire.proposedOf(message));
      gathered.bytes += message.getData_asU8().length + message.getCustomMetadata_asU8().length;
    }
    if (!request.getIsFinal()) return;
    gathering.delete(id);
    void appendBatch(deps, { call, end }, request, gathered);
  });
};

async function appendBatch(
  deps: AppendingDeps,
  { call, end }: { call: BatchCall; end: (error?: Error) => void },
  request: BatchAppendReq,
  { options, proposed, bytes }: Gathering,
): Promise<void> {
  const { log, faults } = deps;
  deps.onAppend();
  await faults.gate();
  if (call.destroyed || call.cancelled || faults.takes('appendsLost')) return;
  if (faults.takes('notLeader')) {
    end(deps.notLeader());
    return;
  }
  const response = new streams.BatchAppendResp();
  response.setCorrelationId(request.getCorrelationId());
  response.setStreamIdentifier(options.getStreamIdentifier());
  const expected = wire.expectedOf(options);
  if (faults.takes('busy')) response.setError(wire.busyStatus());
  else if (bytes > APPEND_BYTES_MAX) response.setError(wire.tooLargeStatus(APPEND_BYTES_MAX));
  else {
    const answer = log.append(wire.nameOf(options.getStreamIdentifier()), expected, proposed);
    if (faults.takes('repliesDropped')) return;
    setOutcome(response, expected, faults.takes('wrongVersions') ? wrongly(answer) : answer);
  }
  call.write(response);
}

const wrongly = (answer: AppendAnswer): AppendAnswer => ({
  outcome: 'wrong version',
  current: answer.outcome === 'appended' ? answer.revision : answer.current,
});

function setOutcome(response: BatchAppendResp, expected: Expected, answer: AppendAnswer): void {
  if (answer.outcome === 'wrong version') {
    response.setError(wire.wrongVersionStatus(expected, answer.current));
    return;
  }
  const position = new shared.AllStreamPosition();
  position.setCommitPosition(answer.position.toString());
  position.setPreparePosition(answer.position.toString());
  const success = new streams.BatchAppendResp.Success();
  success.setCurrentRevision(answer.revision.toString());
  success.setPosition(position);
  response.setSuccess(success);
}

/** The older call with one append each. Clients use it when they give credentials with the call. */
export const createAppending =
  (deps: AppendingDeps) =>
  (call: ServerReadableStream<AppendReq, AppendResp>, callback: sendUnaryData<AppendResp>): void => {
    let options: AppendReq.Options | undefined;
    const proposed: ProposedRecord[] = [];
    call.on('data', (request: AppendReq) => {
      options ??= request.getOptions();
      const message = request.getProposedMessage();
      if (message !== undefined) proposed.push(wire.proposedOf(message));
    });
    call.on('end', () => {
      deps.onAppend();
      void deps.faults.gate().then(() => {
        const refusal = deps.refuse(call);
        if (refusal !== undefined || options === undefined) {
          callback(refusal ?? wire.rpcError(status.INVALID_ARGUMENT, 'no options'));
        } else callback(null, appended(deps.log, options, proposed));
      });
    });
  };

function appended(log: DoubleLog, options: AppendReq.Options, proposed: readonly ProposedRecord[]): AppendResp {
  const expected: Expected = options.hasNoStream()
    ? NOBODY
    : options.hasAny()
      ? 'any'
      : options.hasStreamExists()
        ? 'stream exists'
        : BigInt(options.getRevision());
  const answer = log.append(wire.nameOf(options.getStreamIdentifier()), expected, proposed);
  const response = new streams.AppendResp();
  if (answer.outcome === 'appended') {
    const position = new streams.AppendResp.Position();
    position.setCommitPosition(answer.position.toString());
    position.setPreparePosition(answer.position.toString());
    const success = new streams.AppendResp.Success();
    success.setCurrentRevision(answer.revision.toString());
    success.setPosition(position);
    response.setSuccess(success);
  } else {
    const wrong = new streams.AppendResp.WrongExpectedVersion();
    if (answer.current === NOBODY) wrong.setCurrentNoStream(new shared.Empty());
    else wrong.setCurrentRevision(answer.current.toString());
    response.setWrongExpectedVersion(wrong);
  }
  return response;
}
