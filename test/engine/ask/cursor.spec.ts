import { expect } from 'chai';
import { createCursors, CURSOR_CHARS_MAX, type Place } from '../../../src/engine/ask/cursor.ts';

const KEY = Buffer.alloc(32, 7);
const ORDER = 'by name';
const PLACE: Place = { keys: ['2026-03-01T12:00:00.123456Z', null, 'Straße "½" 🎉'], before: 40, uncounted: true };

const ada = { id: 'ada', role: 'buyer' };
const asked = {
  query: { name: 'ListThings', access: 'user' as const },
  input: { params: { id: '1' }, query: { status: 'paid', page: 1, per_page: 20 } },
  actor: ada,
};
const cursorsOf = createCursors(KEY);

/** The message of the refusal; undefined when the cursor is taken. */
function refusal(open: () => unknown): string | undefined {
  try {
    open();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a cursor', () => {
  const cursor = cursorsOf(asked).seal(ORDER, PLACE);
  const opening = (other: object, text = cursor, order = ORDER) =>
    refusal(() => cursorsOf({ ...asked, ...other }).open(order, text));

  it('names its place exactly, to any process that has the key', () => {
    expect(createCursors(Buffer.from(KEY))(asked).open(ORDER, cursor)).to.deep.equal(PLACE);
    expect(cursor).to.match(/^[A-Za-z0-9_-]+$/);
  });

  it('goes on with another length of page, and with arguments in another sequence', () => {
    const query = { per_page: 100, cursor, status: 'paid', page: 1 };
    expect(opening({ input: { params: { id: '1' }, query } })).to.equal(undefined);
  });

  it('B16: belongs to its list, filters, order, caller, role and key', () => {
    expect(opening({})).to.equal(undefined);
    const { input } = asked;
    const others: Record<string, string | undefined> = {
      list: opening({ query: { ...asked.query, name: 'ListOthers' } }),
      filter: opening({ input: { ...input, query: { ...input.query, status: 'pending' } } }),
      'no filter': opening({ input: { ...input, query: { page: 1, per_page: 20 } } }),
      parameter: opening({ input: { ...input, params: { id: '2' } } }),
      order: opening({}, cursor, 'by price'),
      caller: opening({ actor: { ...ada, id: 'bob' } }),
      role: opening({ actor: { ...ada, role: 'admin' } }),
      key: refusal(() => createCursors(Buffer.alloc(32, 8))(asked).open(ORDER, cursor)),
    };
    for (const [what, message] of Object.entries(others)) expect(message, what).to.match(/^cursor must be the `next`/);
  });

  it('is the same for everybody where the list is', () => {
    const query = { ...asked.query, access: 'anyone' as const };
    const open = cursorsOf({ ...asked, query }).seal(ORDER, PLACE);
    expect(opening({ query, actor: { id: 'bob', role: 'seller' } }, open)).to.equal(undefined);
  });

  it('B16: is refused when it was cut, changed in a bit, or made up', () => {
    for (let length = 0; length < cursor.length; length += 1) {
      expect(opening({}, cursor.slice(0, length)), `cut to ${length}`).to.be.a('string');
    }
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (let at = 0; at < cursor.length; at += 1) {
      const value = letters.indexOf(cursor[at]!);
      for (let bit = 1; bit < letters.length; bit *= 2) {
        const flipped = cursor.slice(0, at) + letters[value ^ bit]! + cursor.slice(at + 1);
        expect(opening({}, flipped), `bit ${bit} of letter ${at}`).to.be.a('string');
      }
    }
    for (const text of [
      '',
      ' ',
      '%',
      'next',
      `${cursor}=`,
      `${cursor}A`,
      ` ${cursor}`,
      'A'.repeat(CURSOR_CHARS_MAX + 1),
    ]) {
      expect(opening({}, text), text.slice(0, 20)).to.be.a('string');
    }
  });
});
