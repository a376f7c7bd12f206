import { expect } from 'chai';
import { SEALED_FIELDS } from '../../src/aggregates/sealed.ts';
import { SEALED, SECRET, shownData, subjectsIn } from '../../src/queries/shownEvent.ts';
import { ERASED, sealText } from '../../src/eventstore/sealing.ts';
import { samples } from '../aggregates/samples.ts';

const KEY = Buffer.alloc(32, 7);
const sealedFor = (subject: string) =>
  sealText(KEY, { subject, stream: `user-${subject}`, field: 'ProfileUpdated.name' }, 'Ada Byron');
const nobodyErased = (): boolean => false;

describe('the data of an event, as an administrator sees it', () => {
  it('keeps sealed text closed, and tells whose key is gone', () => {
    const data = { name: sealedFor('ada'), phone: sealedFor('ben'), address: null };
    expect(subjectsIn(data)).to.have.members(['ada', 'ben']);
    expect(shownData({ type: 'ProfileUpdated', data }, (subject) => subject === 'ben')).to.deep.equal({
      ...{ name: SEALED, phone: ERASED, address: null },
    });
  });

  it('closes text that was recorded before its field was sealed, and sealed text in any place', () => {
    const old = { change: 1, reason: 'Ann broke it' };
    expect(shownData({ type: 'StockAdjusted', data: old }, nobodyErased)).to.deep.equal({ change: 1, reason: SEALED });
    const deep = { list: [{ text: sealedFor('ada') }], plain: 'tea' };
    expect(shownData({ type: 'Other', data: deep }, nobodyErased)).to.deep.equal({
      ...{ list: [{ text: SEALED }], plain: 'tea' },
    });
  });

  it('shows no hash, token or sealed field of any type of event', () => {
    const types = samples.flatMap(({ events }) => events);
    const hidden: string[] = [];
    for (const { type, data } of types) {
      const sealed = Object.keys((SEALED_FIELDS as Readonly<Record<string, object | undefined>>)[type] ?? {});
      for (const [name, value] of Object.entries(shownData({ type, data }, nobodyErased))) {
        const mustHide = sealed.includes(name) || /hash|token|secret/i.test(name);
        if (mustHide && value !== null) {
          hidden.push(`${type}.${name}`);
          expect([SEALED, SECRET], `${type}.${name}`).to.include(value);
        }
      }
    }
    expect(hidden).to.include.members(['SessionStarted.tokenHash', 'SessionRefreshed.tokenHash']);
    expect(hidden).to.include.members(['UserRegistered.passwordHash', 'UserRegistered.email', 'StockAdjusted.reason']);
  });
});
