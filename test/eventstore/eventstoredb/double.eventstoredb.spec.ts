import { randomUUID } from 'node:crypto';
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  NO_STREAM,
  WrongExpectedVersionError,
  jsonEvent,
  streamNameFilter,
} from '@eventstore/db-client';
import { expect } from 'chai';
import { eventually } from '../../support/eventually.ts';
import {
  spawnEventStoreDouble,
  startEventStoreDouble,
  type EventStoreDouble,
} from '../../support/eventStoreDouble/index.ts';
import { rejection } from '../../support/rejection.ts';

const happened = (n = 0) => jsonEvent({ id: randomUUID(), type: 'Happened', data: { n }, metadata: { who: 'me' } });

/** Checks that the double keeps a server's rules. Uses the client alone, without our own code in between. */
describe('the double of EventStoreDB', () => {
  let double: EventStoreDouble;
  let client: EventStoreDBClient;

  beforeEach(async () => {
    double = await startEventStoreDouble({ systemRecordEvery: 2 });
    client = EventStoreDBClient.connectionString(double.url);
  });
  afterEach(async () => {
    await client.dispose();
    await double.stop();
  });

  it('keeps streams, and reads them both ways', async () => {
    const events = [happened(1), happened(2), happened(3)];
    const { nextExpectedRevision, success } = await client.appendToStream('a-1', events, {
      expectedRevision: NO_STREAM,
    });
    expect([success, nextExpectedRevision]).to.deep.equal([true, 2n]);
    const forwards = [];
    for await (const { event } of client.readStream('a-1', { fromRevision: 1n })) forwards.push(event?.data);
    expect(forwards).to.deep.equal([{ n: 2 }, { n: 3 }]);
    const backwards = [];
    for await (const { event } of client.readStream('a-1', { direction: BACKWARDS, fromRevision: END, maxCount: 2 })) {
      backwards.push(event?.id);
    }
    expect(backwards).to.deep.equal([events[2]!.id, events[1]!.id]);
  });

  it('says that a stream is not there', async () => {
    const error = await rejection(client.readStream('a-2').toArray());
    expect(error).to.include({ type: 'stream-not-found' });
  });

  it('refuses a wrong expected revision, and takes the same events again for done', async () => {
    const events = [happened(), happened()];
    const first = await client.appendToStream('a-1', events, { expectedRevision: NO_STREAM });
    await client.appendToStream('a-1', happened(), { expectedRevision: 1n });
    const again = await client.appendToStream('a-1', events, { expectedRevision: NO_STREAM });
    expect(again).to.deep.equal(first);
    const error = await rejection(client.appendToStream('a-1', happened(), { expectedRevision: 1n }));
    expect(error).to.be.instanceOf(WrongExpectedVersionError).and.to.include({ actualVersion: 2n });
    const more = await rejection(
      client.appendToStream('a-1', [...events, happened()], { expectedRevision: NO_STREAM }),
    );
    expect(more).to.be.instanceOf(WrongExpectedVersionError);
  });

  it('reads the whole log from the boundary of a record, and from nowhere else', async () => {
    for (let n = 0; n < 3; n += 1) await client.appendToStream(`a-${n}`, happened(n));
    const all = await client.readAll().toArray();
    expect(all.map(({ event }) => event?.type)).to.deep.equal([
      ...['$statsCollected', 'Happened', 'Happened', '$statsCollected', 'Happened'],
    ]);
    const { position } = all[2]!.event!;
    expect((await client.readAll({ fromPosition: position, maxCount: 1 }).toArray())[0]?.event?.id).to.equal(
      all[2]?.event?.id,
    );
    const before = await client.readAll({ fromPosition: position, direction: BACKWARDS }).toArray();
    expect(before.map(({ event }) => event?.id)).to.deep.equal([all[1]?.event?.id, all[0]?.event?.id]);
    const nowhere = { commit: position.commit - 1n, prepare: position.prepare - 1n };
    expect((await rejection(client.readAll({ fromPosition: nowhere }).toArray())).message).to.include(
      'invalid position',
    );
  });

  it('tells subscribers what comes after a position, filtered, with checkpoints', async () => {
    await client.appendToStream('a-1', happened(1));
    const [, first] = await client.readAll().toArray();
    const seen: string[] = [];
    let reached = 0;
    const filter = streamNameFilter({
      regex: '^(?!\\$)',
      checkpointInterval: 1,
      checkpointReached: () => void (reached += 1),
    });
    const subscription = client.subscribeToAll({ fromPosition: first!.event!.position, filter });
    let live = false;
    subscription.on('error', () => undefined).on('caughtUp', () => (live = true));
    subscription.on('data', ({ event }) => seen.push(`${event?.type} ${event?.streamId}`));
    await eventually('it has caught up', () => live);
    for (let n = 0; n < 40; n += 1) await client.appendToStream('b-1', happened(n));
    await eventually('it has it all', () => seen.length === 40);
    expect(new Set(seen)).to.deep.equal(new Set(['Happened b-1']));
    await eventually('a checkpoint came', () => reached > 0);
    await subscription.unsubscribe();
  });

  it('keeps what it has when it goes down and comes up', async () => {
    await client.appendToStream('a-1', happened());
    await double.goDown();
    await rejection(client.appendToStream('a-1', happened()));
    await double.comeUp();
    await eventually('it can be read again', async () => {
      const read = await client
        .readStream('a-1')
        .toArray()
        .catch(() => []);
      return read.length > 0;
    });
  });

  it('can be a process of its own', async () => {
    const apart = await spawnEventStoreDouble();
    const other = EventStoreDBClient.connectionString(apart.url);
    await other.appendToStream('a-1', happened(7));
    expect((await other.readStream('a-1').toArray())[0]?.event?.data).to.deep.equal({ n: 7 });
    await other.dispose();
    await apart.stop();
  });
});
