import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Command, fold } from '../../src/engine/decide/decider.ts';
import type { DomainEvent } from '../../src/eventstore/eventStore.ts';
import { toNewEvents } from '../../src/engine/decide/batch.ts';
import { isRefusal } from '../../src/errors.ts';
import { serialise } from '../../src/eventstore/serialise.ts';
import { commandOf, deepFreeze, stored } from '../support/given.ts';
import { type Sample, samples } from './samples.ts';

const DOMAIN = new URL('../../src/aggregates/', import.meta.url);
const SUITE = new URL('.//', import.meta.url);
const textOf = (folder: URL, ending: string): string =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
const namesIn = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name]) => name!)),
];

const stateAfter = ({ decider }: Sample, events: readonly DomainEvent[]): unknown =>
  deepFreeze(fold(decider, deepFreeze(stored(decider.initial)), deepFreeze(stored(events))));

const asked = ({ type, data }: Sample['commands'][number]): Command =>
  deepFreeze(commandOf<Command>({ type, data: stored(data) }));

describe('the laws of the domain', () => {
  for (const sample of samples) {
    for (const command of sample.commands) {
      it(`${sample.name} · ${command.type} decided again ${command.again === undefined ? 'changes nothing' : `makes events again: ${command.again}`}`, () => {
        const events = sample.decider.decide(asked(command), stateAfter(sample, command.past));
        expect(events, 'the first time').to.not.be.empty;
        const after = stateAfter(sample, [...command.past, ...events]);
        let again: readonly DomainEvent[] = [];
        try {
          again = sample.decider.decide(asked(command), after);
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
        expect(again.length > 0).to.equal(command.again !== undefined);
      });
    }
  }

  it('every decision can be kept by the log and comes back from it as it was', () => {
    for (const sample of samples) {
      for (const command of sample.commands) {
        const events = sample.decider.decide(asked(command), stateAfter(sample, command.past));
        expect(stored(events), command.type).to.deep.equal(events);
        expect(() => serialise(sample.name, toNewEvents(asked(command), events))).to.not.throw();
      }
    }
  });

  it('every event of every kind may come at any time: to evolve is never refused and changes no state it was given', () => {
    for (const sample of samples) {
      for (const before of [[], sample.events.slice(0, 1), sample.events]) {
        for (const event of sample.events) {
          const state = stateAfter(sample, before);
          expect(sample.decider.evolve(state, deepFreeze(stored(event))), event.type).to.be.an('object');
        }
      }
    }
  });

  it('every state is plain JSON, so that a snapshot of it is the state', () => {
    for (const sample of samples) {
      for (let length = 0; length <= sample.events.length; length += 1) {
        const state = stateAfter(sample, sample.events.slice(0, length));
        expect(stored(state), `${sample.name} after ${length} events`).to.deep.equal(state);
      }
    }
  });

  it('every event and command that the domain declares has a sample', () => {
    const text = textOf(DOMAIN, '.ts');
    const declaredEvents = namesIn(text, /export type (\w+) = \{\s*type: '\1'/g);
    const declaredCommands = namesIn(text, /Command<\s*'(\w+)'/g);
    expect(samples.flatMap(({ events }) => events.map(({ type }) => type))).to.have.members(declaredEvents);
    expect(samples.flatMap(({ commands }) => commands.map(({ type }) => type))).to.have.members(declaredCommands);
  });

  it('every rule by which the domain refuses is shown once to refuse', () => {
    const rules = namesIn(textOf(DOMAIN, '.ts'), /\b(?:reject|missing|unauthenticated|forbid|stale)\(\s*'(\w+)'/g);
    const shown = namesIn(textOf(SUITE, '.spec.ts'), /thenRefused\('(\w+)'/g);
    expect(rules).to.have.length.above(20);
    expect(rules.filter((rule) => !shown.includes(rule))).to.deep.equal([]);
    expect(shown.filter((rule) => !rules.includes(rule))).to.deep.equal([]);
  });
});
