import { expect } from 'chai';
import { scrub, scrubAll } from '../../src/platform/scrub.ts';

describe('a text that another system wrote', () => {
  it('loses the addresses in it, in every spelling', () => {
    for (const text of [
      '550 5.1.1 <ada@example.org>: Recipient address rejected',
      '550 no such user ada@example.org.',
      'RCPT TO:<"ada"@example.org> failed; ada+tea@mail.example.org unknown',
      'could not deliver to ada%40example.org',
      'mailbox ada@[192.0.2.1] is full',
      'Empfänger ådä@exämple.org unbekannt',
    ]) {
      const scrubbed = scrub(text);
      expect(scrubbed, text).to.include('[removed]');
      expect(scrubbed, text).not.to.match(/example\.org|exämple|192\.0\.2\.1/);
    }
    expect(scrub('550 5.1.1 <ada@example.org>: Recipient address rejected')).to.equal(
      '550 5.1.1 <[removed]>: Recipient address rejected',
    );
  });

  it('loses the phone numbers in it, with and without separators', () => {
    for (const number of [
      '+4915112345678',
      '+49 151 1234 5678',
      '+1 (555) 123-4567',
      '0151 23456789',
      '(030) 123456',
      '555-123-4567',
    ]) {
      expect(scrub(`cannot text ${number}, because it is blocked`), number).to.equal(
        'cannot text [removed], because it is blocked',
      );
    }
  });

  it('loses what is known of the person, however it looks', () => {
    expect(scrub('user ADA (ada.l) has moved', ['ada.l'])).to.equal('user ADA ([removed]) has moved');
    expect(scrub('no box a-da@b-c.test', ['A-da@B-c.test'])).to.equal('no box [removed]');
    expect(scrub('(a+b) refused; aab accepted', ['(a+b)'])).to.equal('[removed] refused; aab accepted');
  });

  it('keeps what an operator needs: codes, times, ids, positions, addresses of machines', () => {
    for (const text of [
      '421 4.7.0 Try again later, closing connection. (EHLO) 2026-11-29T09:34:48.123Z',
      'event 0190a3b2-1234-7890-8123-012345678901 (OrderPlaced, order-00000000-0000-4000-8000-000000000000@12)',
      'connect ECONNREFUSED 127.0.0.1:5432',
      'position 123456789012 of 223456789012',
      'value "99999999999999999999" is out of range for type bigint',
      'Error: at /srv/node_modules/pg/lib/client.js:526:17',
    ]) {
      expect(scrub(text)).to.equal(text);
    }
  });

  it('is searched in every field of an error', () => {
    const error = {
      message: 'no <ada@example.org>',
      rejected: ['ada@example.org'],
      responseCode: 550,
      inner: { a: null },
    };
    expect(scrubAll(error)).to.deep.equal({
      message: 'no <[removed]>',
      rejected: ['[removed]'],
      responseCode: 550,
      inner: { a: null },
    });
  });
});
