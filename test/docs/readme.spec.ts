import { expect } from 'chai';
import { routeTable, section } from '../support/readme.ts';

describe('the README', () => {
  it('lists every route as the contracts have it (`npm run readme` brings it up to date)', () => {
    expect(section('routes').trim()).to.equal(routeTable());
  });
});
