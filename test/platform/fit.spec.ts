import { expect } from 'chai';
import { mustFit, UnfitDatabase } from '../../src/platform/postgres/fit.ts';
import type { Queryable } from '../../src/platform/postgres/pool.ts';

/** A server of an old version. It tells its version, and does not know the functions that other questions use. */
const oldServer = (version: number, told: string): Queryable => ({
  query: ((sql: string) => {
    if (/^SELECT current_setting\('server_version_num'\)[^(]+current_setting\('server_version'\) AS \w+$/.test(sql)) {
      return Promise.resolve({ rows: [{ version, told }] });
    }
    return Promise.reject(new Error('function starts_with(name, unknown) does not exist'));
  }) as unknown as Queryable['query'],
});

describe('the check whether a database can hold a shop, on an old server', () => {
  for (const [version, told] of [
    [140_020, '14.20'],
    [100_023, '10.23'],
    [90_624, '9.6.24'],
  ] as const) {
    it(`names the version ${told}, although the server does not understand the other questions`, async () => {
      const refusal = await mustFit(oldServer(version, told), 'postgres://nowhere/').catch((error: unknown) => error);
      expect(refusal).to.be.instanceOf(UnfitDatabase);
      expect((refusal as UnfitDatabase).reasons).to.deep.equal([`Postgres is version ${told}: 15 or newer is needed.`]);
    });
  }
});
