import { expect } from 'chai';
import { perTurnBatch } from '../../src/platform/perTurnBatch.ts';
import { rejection } from '../support/rejection.ts';

describe('coalescing', () => {
  it('answers requests of one turn together, each with its own, in bounded groups', async () => {
    const groups: number[][] = [];
    const double = perTurnBatch<number, number>(3, (requests) => {
      groups.push([...requests]);
      return Promise.resolve(requests.map((request) => 2 * request));
    });
    expect(await Promise.all([1, 2, 3, 4].map(double))).to.deep.equal([2, 4, 6, 8]);
    expect(await double(5)).to.equal(10);
    expect(groups).to.deep.equal([[1, 2, 3], [4], [5]]);
  });

  it('fails a group together, and no other', async () => {
    const run = perTurnBatch<number, number>(2, (requests) =>
      requests.includes(1) ? Promise.reject(new Error('no')) : Promise.resolve([...requests]),
    );
    const outcomes = await Promise.allSettled([1, 2, 3].map(run));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'fulfilled']);
    expect((await rejection(run(1))).message).to.equal('no');
  });
});
