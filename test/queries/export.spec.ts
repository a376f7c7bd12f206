import { expect } from 'chai';
import { changeView } from '../../src/queries/export.ts';
import { userView } from '../../src/queries/user.ts';
import type { UserRow } from '../../src/projections/users.ts';

const at = '2026-03-01T12:00:00.000Z';

describe('an export', () => {
  it('B7: takes from the events of a person only the fields that are named', () => {
    const data = {
      email: 'a',
      name: 'b',
      phone: null,
      phoneClaim: 'c',
      passwordHash: 'd',
      role: 'buyer',
      addedLater: 'e',
    };
    expect(changeView({ type: 'UserRegistered', at }, data)).to.deep.equal({ at, email: 'a', name: 'b', phone: null });
    expect(changeView({ type: 'ProfileUpdated', at }, { address: 'x' })).to.deep.equal({ at, address: 'x' });
    expect(changeView({ type: 'EmailChanged', at }, { email: 'n', formerEmail: 'o', keptSession: 's' })).to.deep.equal({
      ...{ at, email: 'n', former_email: 'o' },
    });
    for (const type of ['PasswordChanged', 'SecondFactorOffered', 'LinkRequested', 'AddedLater', 'constructor']) {
      expect(changeView({ type, at }, { secret: 's', email: 'a' }), type).to.equal(undefined);
    }
  });

  it('B7: takes from the row of a person only the fields that are named', () => {
    const row = { id: 'i', email: 'e', addedLater: 'secret', recovery_codes_left: 3 } as unknown as UserRow;
    expect(userView(row)).to.have.all.keys(
      ...['id', 'email', 'name', 'phone', 'address', 'role', 'store_id', 'is_active', 'email_verified'],
      ...['second_factor', 'created_at', 'updated_at'],
    );
  });
});
