import { expect } from 'chai';
import { dateIn, type Day, DAYS_MAX, daysOf } from '../../src/queries/days.ts';
import { isRefusal } from '../../src/errors.ts';

const NOW = '2026-11-30T23:30:00.000Z';
const hoursOf = ({ begins, ends }: Day): number => (Date.parse(ends) - Date.parse(begins)) / 3_600_000;
const days = (from: string, to: string, zone = 'UTC'): readonly Day[] => daysOf({ from, to, time_zone: zone }, NOW);

function refusedField(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (isRefusal(error)) return error.errors[0]?.field;
    throw error;
  }
  return undefined;
}

describe('the days of a time zone', () => {
  it('begin and end at its midnight', () => {
    expect(days('2026-01-10', '2026-01-11', 'America/New_York')).to.deep.equal([
      { date: '2026-01-10', begins: '2026-01-10T05:00:00.000Z', ends: '2026-01-11T05:00:00.000Z' },
      { date: '2026-01-11', begins: '2026-01-11T05:00:00.000Z', ends: '2026-01-12T05:00:00.000Z' },
    ]);
    expect(days('2026-01-10', '2026-01-10', 'Asia/Kathmandu')[0]?.begins).to.equal('2026-01-09T18:15:00.000Z');
    expect(days('2026-01-10', '2026-01-10', 'Pacific/Kiritimati')[0]?.begins).to.equal('2026-01-09T10:00:00.000Z');
    expect(days('2026-01-10', '2026-01-10', 'Pacific/Pago_Pago')[0]?.begins).to.equal('2026-01-10T11:00:00.000Z');
  });

  it('last 23 or 25 hours when the clocks change, also by half an hour or at midnight', () => {
    expect(days('2026-03-28', '2026-03-30', 'Europe/Berlin').map(hoursOf)).to.deep.equal([24, 23, 24]);
    expect(days('2026-10-24', '2026-10-26', 'Europe/Berlin').map(hoursOf)).to.deep.equal([24, 25, 24]);
    expect(days('2026-04-05', '2026-04-05', 'Australia/Lord_Howe').map(hoursOf)).to.deep.equal([24.5]);
    // There the clocks are put forward at midnight: the day begins at one o'clock.
    const [, skipped] = days('2018-11-03', '2018-11-04', 'America/Sao_Paulo');
    expect(skipped).to.include({ date: '2018-11-04', begins: '2018-11-04T03:00:00.000Z' });
    expect(hoursOf(skipped!)).to.equal(23);
  });

  it('leave nothing out and count nothing twice, whatever the zone', () => {
    for (const zone of [
      'UTC',
      'Europe/Berlin',
      'America/St_Johns',
      'Africa/Cairo',
      'Asia/Kolkata',
      'Pacific/Chatham',
    ]) {
      const year = days('2026-01-01', '2026-12-31', zone);
      expect(year).to.have.length(365);
      const dateOf = dateIn(zone);
      for (const [index, { date, begins, ends }] of year.entries()) {
        if (index > 0) expect(begins, `${zone} ${date}`).to.equal(year[index - 1]!.ends);
        expect(dateOf(Date.parse(begins))).to.equal(date);
        expect(dateOf(Date.parse(ends) - 1)).to.equal(date);
        expect(Date.parse(begins) % (15 * 60_000), 'a multiple of the buckets').to.equal(0);
      }
    }
  });

  it('are the last thirty, with today, unless some are named', () => {
    const utc = daysOf({ time_zone: 'UTC' }, NOW);
    expect([utc.length, utc[0]?.date, utc.at(-1)?.date]).to.deep.equal([30, '2026-11-01', '2026-11-30']);
    expect(daysOf({ time_zone: 'Asia/Tokyo' }, NOW).at(-1)?.date).to.equal('2026-12-01');
    expect(daysOf({ time_zone: 'UTC', from: '2026-11-29' }, NOW)).to.have.length(2);
    expect(daysOf({ time_zone: 'UTC', to: '2026-11-10' }, NOW)[0]?.date).to.equal('2026-10-12');
    expect(
      days('2026-11-29T23:30:00Z', '2026-11-30T23:59:59+00:00', 'Asia/Tokyo').map(({ date }) => date),
    ).to.deep.equal([...['2026-11-30', '2026-12-01']]);
  });

  it('are refused where they are none, are the wrong way round, or are too many', () => {
    for (const text of [
      '2026-02-30',
      '2026-13-01',
      'yesterday',
      '2026-1-1',
      '1999-12-31',
      '2101-01-01',
      '9999-12-31T23:59:59Z',
    ]) {
      expect(
        refusedField(() => days(text, '2026-03-01')),
        text,
      ).to.equal('from');
    }
    expect(refusedField(() => days('2026-03-02', '2026-03-01'))).to.equal('to');
    expect(refusedField(() => days('2025-01-01', '2026-01-02'))).to.equal('to');
    expect(days('2025-01-01', '2026-01-01')).to.have.length(DAYS_MAX);
    for (const zone of ['Mars/Olympus', 'Europe', '']) {
      expect(
        refusedField(() => days('2026-03-01', '2026-03-01', zone)),
        zone,
      ).to.equal('time_zone');
    }
  });
});
