import { expect } from 'chai';
import { problemOf } from '../../src/http/api/problem.ts';
import { failureClass, isPassing, isWriteRefused } from '../../src/platform/postgres/sqlstate.ts';

const failure = (code: string, message = 'no'): Error => Object.assign(new Error(message), { code });
const classOf = (code: string): string => failureClass(failure(code));

describe('a failure of Postgres', () => {
  it('means the same everywhere, by its SQLSTATE', () => {
    const expected: Record<string, readonly string[]> = {
      retry: ['40001', '40P01', '55P03', '57014', '25P03', '25P04', '55006', '40000'],
      unavailable: ['08000', '08003', '08006', '08001', '25006', '53000', '53100', '53200', '53300', '53400'].concat([
        '57P01',
        '57P02',
        '57P03',
        '57P04',
        '57P05',
        '58000',
        '58030',
        '28P01',
        '28000',
        '3D000',
        '40003',
      ]),
      conflict: ['23505', '23503', '23P01', '23001'],
      defect: [
        '22P02',
        '22003',
        '23502',
        '23514',
        '42601',
        '42P01',
        '42703',
        '42501',
        '25P02',
        '54000',
        '08P01',
        'XX000',
      ],
    };
    for (const [meaning, codes] of Object.entries(expected)) {
      for (const code of codes) expect(`${code} ${classOf(code)}`).to.equal(`${code} ${meaning}`);
    }
  });

  it('of a pooler or a broken connection is passing, although its code says otherwise or is missing', () => {
    for (const message of ['query_wait_timeout', 'no more connections allowed (max_client_conn)']) {
      expect(isPassing(failure('08P01', message)), message).to.equal(true);
    }
    expect(isPassing(new Error('Connection terminated unexpectedly'))).to.equal(true);
    expect(isPassing(failure('ECONNREFUSED'))).to.equal(true);
    expect(isPassing(new Error('x is not a function'))).to.equal(false);
    expect(isPassing('Connection terminated')).to.equal(false);
  });

  it('says whether the server refuses every write', () => {
    const refused = ['25006', '53100', '53200', '58030'];
    expect(refused.filter((code) => !isWriteRefused(failure(code)))).to.deep.equal([]);
    expect(['53300', '57P01', '40001', '23505'].filter((code) => isWriteRefused(failure(code)))).to.deep.equal([]);
  });

  it('has its status at the edge, also where no code on the way has made a refusal of it', () => {
    const statusOf = (code: string): number => problemOf(failure(code)).status;
    expect(['25006', '53100', '53300', '57P01', '40001', '55P03'].map(statusOf)).to.deep.equal([
      503, 503, 503, 503, 503, 503,
    ]);
    expect(['23505', '23P01'].map(statusOf)).to.deep.equal([409, 409]);
    expect(['42P01', '22P02', 'XX000', 'ENOENT'].map(statusOf)).to.deep.equal([500, 500, 500, 500]);
    expect(problemOf(failure('25006')).headers).to.deep.equal([]);
  });
});
