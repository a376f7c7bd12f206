import { expect } from 'chai';
import { SEALED_FIELDS } from '../../src/aggregates/sealed.ts';
import { fromCloudEvent } from '../../src/bus/envelope.ts';
import { fold } from '../../src/engine/decide/decider.ts';
import { projections } from '../../src/projections/index.ts';
import { samples } from '../aggregates/samples.ts';
import { asyncApi } from '../support/asyncapi.ts';
import { eventExamples, type EventExample } from '../support/eventExamples.ts';
import { eventSchemas, type EventSchema } from '../support/eventSchemas.ts';
import { rowsOf } from '../support/given.ts';
import { versionOf } from '../support/keptSchemas.ts';
import { judgeMessages } from '../support/published.ts';
import type { Json } from '../support/shop.ts';

describe('the examples of events', function () {
  this.timeout(60_000);
  let events: EventSchema[];
  let examples: EventExample[];
  before(() => {
    events = eventSchemas();
    examples = eventExamples(events, versionOf);
  });

  it('are in the document, one for each message in its current version', () => {
    const document = asyncApi(events) as { components: { messages: Record<string, { examples?: Json[] }> } };
    for (const { type } of events) {
      const message = document.components.messages[`${type}.v${versionOf(type)}`]!;
      const { headers, payload } = examples.find(({ event }) => event.type === type)!;
      expect(message.examples, type).to.deep.equal([{ name: type, headers, payload }]);
    }
  });

  it('are messages as the relay publishes them, without a field that the schemas do not name', () => {
    const judge = judgeMessages(asyncApi(events));
    for (const { event, headers, payload } of examples) {
      const subject = `cartulary.${event.stream.split('-')[0]}.${event.type}`;
      expect(judge({ subject, headers, payload }), event.type).to.deep.equal([]);
      expect(fromCloudEvent(payload), event.type).to.deep.equal(event);
      const data = { ...event.data, stranger: 1 };
      expect(judge({ subject, headers, payload: { ...payload, data } }), event.type).to.not.deep.equal([]);
      expect(judge({ subject, headers, payload: { ...payload, stranger: 1 } }), event.type).to.not.deep.equal([]);
      expect(judge({ subject, headers: {}, payload }), event.type).to.not.deep.equal([]);
    }
    expect(judge({ subject: 'cartulary.order.Happened', headers: {}, payload: {} })).to.have.length(1);
  });

  it('are events that the aggregates fold and the read models take', () => {
    for (const { decider } of samples) {
      const own = examples.filter(({ event }) => event.stream.startsWith(`${decider.category}-`));
      const state = fold(
        decider,
        decider.initial,
        own.map(({ event }) => event),
      );
      expect(state, decider.category).to.not.equal(undefined);
    }
    for (const projection of projections) {
      expect(
        () =>
          rowsOf(
            projection,
            examples.map(({ event }) => event),
          ),
        projection.name,
      ).to.not.throw();
    }
  });

  it('hold ids and sealed texts of the form that a shop has', () => {
    const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    let sealed = 0;
    const sealedFields: Readonly<Record<string, Readonly<Record<string, unknown>>>> = SEALED_FIELDS;
    for (const { event } of examples) {
      for (const [field, value] of Object.entries(event.data as Record<string, unknown>)) {
        if (/Id$/.test(field) && value !== null) expect(value, `${event.type}.${field}`).to.match(ID);
        if (sealedFields[event.type]?.[field] === undefined || value === null) continue;
        expect(value, `${event.type}.${field}`).to.match(new RegExp(`^pd2\\..*\\.${event.type}\\.${field}\\.`));
        sealed += 1;
      }
    }
    expect(sealed).to.be.greaterThan(10);
  });
});
