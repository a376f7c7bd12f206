import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams, { type BatchAppendReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import rpcStatus from '@eventstore/db-client/generated/status_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { NOBODY, type Expected, type LogRecord, type ProposedRecord } from './log.ts';

const TICKS_PER_MS = 10_000n;
/** The value that a server sends when an event has no position. */
export const NO_POSITION = 2n ** 64n - 1n;

/** An event as readers get it. `prepare` and `commit` differ only when a test wants that. */
export function eventResponse(record: LogRecord, place: { commit: bigint; prepare: bigint }): ReadResp {
  const id = new shared.UUID();
  id.setString(record.id);
  const name = new shared.StreamIdentifier();
  name.setStreamName(Buffer.from(record.stream));
  const event = new streams.ReadResp.ReadEvent.RecordedEvent();
  event.setId(id);
  event.setStreamIdentifier(name);
  event.setStreamRevision(record.revision.toString());
  event.setCommitPosition(place.commit.toString());
  event.setPreparePosition(place.prepare.toString());
  event.getMetadataMap().set('type', record.type);
  event.getMetadataMap().set('content-type', record.contentType);
  event.getMetadataMap().set('created', (BigInt(record.createdMs) * TICKS_PER_MS).toString());
  event.setData(record.data);
  event.setCustomMetadata(record.metadata);
  const read = new streams.ReadResp.ReadEvent();
  read.setEvent(event);
  if (place.commit === NO_POSITION) read.setNoPosition(new shared.Empty());
  else read.setCommitPosition(place.commit.toString());
  const response = new streams.ReadResp();
  response.setEvent(read);
  return response;
}

export function streamNotFound(name: string): ReadResp {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(name));
  const notFound = new streams.ReadResp.StreamNotFound();
  notFound.setStreamIdentifier(identifier);
  const response = new streams.ReadResp();
  response.setStreamNotFound(notFound);
  return response;
}

export function confirmation(id: string): ReadResp {
  const confirmed = new streams.ReadResp.SubscriptionConfirmation();
  confirmed.setSubscriptionId(id);
  const response = new streams.ReadResp();
  response.setConfirmation(confirmed);
  return response;
}

export function checkpoint(position: bigint): ReadResp {
  const reached = new streams.ReadResp.Checkpoint();
  reached.setCommitPosition(position.toString());
  reached.setPreparePosition(position.toString());
  const response = new streams.ReadResp();
  response.setCheckpoint(reached);
  return response;
}

export function caughtUp(): ReadResp {
  const response = new streams.ReadResp();
  response.setCaughtUp(new streams.ReadResp.CaughtUp());
  return response;
}

type WireProposed = Pick<
  BatchAppendReq.ProposedMessage,
  'getId' | 'getMetadataMap' | 'getData_asU8' | 'getCustomMetadata_asU8'
>;

export function proposedOf(message: WireProposed): ProposedRecord {
  return {
    id: message.getId()?.getString() ?? '',
    type: message.getMetadataMap().get('type') ?? '',
    contentType: message.getMetadataMap().get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

export function expectedOf(options: BatchAppendReq.Options): Expected {
  if (options.hasNoStream()) return NOBODY;
  if (options.hasAny()) return 'any';
  return options.hasStreamExists() ? 'stream exists' : BigInt(options.getStreamPosition());
}

export const nameOf = (identifier: { getStreamName_asU8(): Uint8Array } | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? new Uint8Array()).toString();

const packed = (bytes: Uint8Array, type: string) => {
  const details = new any.Any();
  details.pack(bytes, type);
  return details;
};

function statusOf(message: string, bytes: Uint8Array, type: string) {
  const answer = new rpcStatus.Status();
  answer.setMessage(message);
  answer.setDetails(packed(bytes, type));
  return answer;
}

export function wrongVersionStatus(expected: Expected, current: bigint) {
  const wrong = new shared.WrongExpectedVersion();
  if (current === NOBODY) wrong.setCurrentNoStream(new empty.Empty());
  else wrong.setCurrentStreamRevision(current.toString());
  if (expected === 'any') wrong.setExpectedAny(new empty.Empty());
  else if (expected === 'stream exists') wrong.setExpectedStreamExists(new empty.Empty());
  else if (expected === NOBODY) wrong.setExpectedNoStream(new empty.Empty());
  else wrong.setExpectedStreamPosition(expected.toString());
  return statusOf('WrongExpectedVersion', wrong.serializeBinary(), 'event_store.client.WrongExpectedVersion');
}

export function tooLargeStatus(bytesMax: number) {
  const exceeded = new shared.MaximumAppendSizeExceeded();
  exceeded.setMaxappendsize(bytesMax);
  return statusOf('too large', exceeded.serializeBinary(), 'event_store.client.MaximumAppendSizeExceeded');
}

/** The answer of a server that is too busy or not ready. A client cannot recognise it by its type. */
export const busyStatus = () => statusOf('Server Is Busy', new Uint8Array(), 'google.protobuf.Empty');

export const rpcError = (code: status, details: string, metadata = new Metadata()): ServiceError =>
  Object.assign(new Error(details), { name: 'ServiceError', code, details, metadata });

export function notLeader({ host, port }: { host: string; port: number }): ServiceError {
  const metadata = new Metadata();
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', host);
  metadata.set('leader-endpoint-port', String(port));
  return rpcError(status.NOT_FOUND, 'Leader info available', metadata);
}

export const invalidPosition = (): ServiceError =>
  rpcError(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.');
