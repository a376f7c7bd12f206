import { expect } from 'chai';
import { instantOf } from '../../src/platform/instant.ts';

describe('an instant from outside', () => {
  const good: readonly [string, string][] = [
    ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.000Z'],
    ['2026-03-01t12:00:00z', '2026-03-01T12:00:00.000Z'],
    ['2026-03-01T13:30:00.5+01:30', '2026-03-01T12:00:00.500Z'],
    ['2026-03-01T00:00:00-05:00', '2026-03-01T05:00:00.000Z'],
    ['2024-02-29T00:00:00.123456789Z', '2024-02-29T00:00:00.123Z'],
  ];
  for (const [text, wanted] of good) it(`is ${wanted} from ${text}`, () => expect(instantOf(text)).to.equal(wanted));

  it('is the first moment of the next day at a leap second, in any zone', () => {
    expect(instantOf('2026-12-31T23:59:60Z')).to.equal('2027-01-01T00:00:00.000Z');
    expect(instantOf('2027-01-01T05:29:60.5+05:30')).to.equal('2027-01-01T00:00:00.000Z');
    for (const text of ['2026-12-31T12:00:60Z', '2026-12-31T23:59:60+01:00', '2026-12-31T23:59:61Z']) {
      expect(instantOf(text), text).to.equal(undefined);
    }
  });

  it('is none in another form, or at a time that does not exist', () => {
    for (const text of [
      ...[
        '2026-03-01T12:00:00+02',
        '2026-03-01T12:00:00+0200',
        '2026-03-01T12:00:00',
        '2026-03-01',
        '2026-03-01T12:00Z',
      ],
      ...['2026-02-30T00:00:00Z', '2025-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-00-10T00:00:00Z'],
      ...['2026-03-01T24:00:00Z', '2026-03-01T25:00:00Z', '2026-03-01T12:60:00Z', '2026-03-01T12:00:00+24:00'],
      ...['2026-03-01 12:00:00Z', ' 2026-03-01T12:00:00Z', '2026-03-01T12:00:00Z ', '2026-03-01T12:00:00.Z'],
      ...['+002026-03-01T12:00:00Z', '0000-01-01T00:00:00+23:59', '9999-12-31T23:59:59-01:00', '1772366400', ''],
    ]) {
      expect(instantOf(text), text).to.equal(undefined);
    }
  });
});
