import type { CategoryEvent } from '../../src/aggregates/category.ts';
import type { SessionEvent } from '../../src/aggregates/session.ts';
import type { StoreEvent } from '../../src/aggregates/store.ts';
import type { UserEvent, UserRegistered } from '../../src/aggregates/user.ts';
import { categories, type CategoryRow } from '../../src/projections/categories.ts';
import { revocations } from '../../src/projections/revocations.ts';
import { vectorOf } from '../../src/projections/search.ts';
import { stores, type StoreRow } from '../../src/projections/stores.ts';
import { users, type UserRow } from '../../src/projections/users.ts';
import { given, recordedEvents } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';
import { picture } from '../support/pictures.ts';

const FIRST = '2026-03-01T08:00:00.000Z';
const LATER = '2026-03-01T09:00:00.000Z';
const LAST = '2026-03-01T10:00:00.000Z';
const at = { created_at: FIRST, updated_at: FIRST };

const SIGN_IN = { email_verified: false, second_factor: false, recovery_codes_left: 0 };

describe('users', () => {
  const registered = (name: string, phone: string | null): UserRegistered => ({
    type: 'UserRegistered',
    data: {
      ...{ email: asSealed(`e-mail of ${name}`), name: asSealed(name), phone: phone === null ? null : asSealed(phone) },
      ...{ phoneClaim: phone && 'claim', passwordHash: asSealed('h'), role: 'buyer' },
    },
  });
  const both = [
    ['user-ann', registered('Ann', null), FIRST],
    ['user-ben', registered('Ben', 'phone of Ben'), FIRST],
  ] as const;
  const unnamed = { address: null, role: 'buyer', store_id: null, is_active: true, ...at, ...SIGN_IN } as const;
  const ann: UserRow = { id: 'ann', email: 'e-mail of Ann', name: 'Ann', phone: null, ...unnamed };
  const ben: UserRow = { id: 'ben', email: 'e-mail of Ben', name: 'Ben', phone: 'phone of Ben', ...unnamed };

  it('are active buyers from the moment they register', () => {
    given(users, ...recordedEvents(...both)).then(ann, ben);
  });

  it('have the profile they gave last, and keep what they did not name', () => {
    const moved: UserEvent = {
      type: 'ProfileUpdated',
      data: { address: asSealed('address'), phone: null, phoneClaim: null },
    };
    given(users, ...recordedEvents(...both, ['user-ben', moved, LATER])).then(ann, {
      ...ben,
      ...{ address: 'address', phone: null, updated_at: LATER },
    });
  });

  it('are sellers of their store', () => {
    const granted: UserEvent = { type: 'UserRoleChanged', data: { role: 'seller', storeId: 'store' } };
    given(users, ...recordedEvents(...both, ['user-ben', granted, LATER])).then(ann, {
      ...ben,
      ...{ role: 'seller', store_id: 'store', updated_at: LATER },
    });
  });

  it('are not there when the registration was given up', () => {
    given(users, ...recordedEvents(['user-ann', { type: 'RegistrationAbandoned', data: {} }])).then();
  });
});

describe('revocations', () => {
  const ended: SessionEvent = { type: 'SessionEnded', data: { userId: 'ann', reason: 'logout' } };
  const changed = (at: string): UserEvent => ({
    type: 'PasswordChanged',
    data: { passwordHash: asSealed('h'), keptSession: 'kept', at },
  });

  it('name a session that ended, from then on', () => {
    given(revocations, ...recordedEvents(['session-one', ended, FIRST], ['session-two', ended, LATER])).then(
      { subject: 'session-one', revoked_at: FIRST, kept_session: null },
      { subject: 'session-two', revoked_at: LATER, kept_session: null },
    );
  });

  it('name a user whose password changed, the last time counts, and the session that is kept', () => {
    given(
      revocations,
      ...recordedEvents(
        ['user-ann', changed(FIRST), FIRST],
        ['session-one', ended, LATER],
        ['user-ann', changed(LAST), LAST],
      ),
    ).then(
      { subject: 'session-one', revoked_at: LATER, kept_session: null },
      { subject: 'user-ann', revoked_at: LAST, kept_session: 'kept' },
    );
  });
});

describe('revocations of a role', () => {
  const changed = (role: 'buyer' | 'seller' | 'admin'): UserEvent => ({
    type: 'UserRoleChanged',
    data: { role, storeId: null },
  });
  const row = (subject: string, revoked_at: string) => ({ subject, revoked_at, kept_session: null });

  it('name every role that the new one is without', () => {
    const becameSeller = ['user-ann', changed('seller'), FIRST] as const;
    given(revocations, ...recordedEvents(becameSeller)).then(row('user-ann/admin', FIRST));
    given(revocations, ...recordedEvents(becameSeller, ['user-ann', changed('buyer'), LATER])).then(
      row('user-ann/admin', LATER),
      row('user-ann/seller', LATER),
    );
    given(revocations, ...recordedEvents(['user-ann', changed('admin'), FIRST])).then();
  });
});

describe('stores', () => {
  const opened = (name: string): StoreEvent => ({
    type: 'StoreOpened',
    data: { ownerId: 'ben', name, description: '' },
  });
  const row = (id: string, name: string): StoreRow => ({
    ...{ id, owner_id: 'ben', name, description: '', suspended: false, logo: null },
    ...at,
    words: vectorOf(name, ''),
  });

  it('are as they were opened', () => {
    given(stores, ...recordedEvents(['store-one', opened('One'), FIRST], ['store-two', opened('Two'), FIRST])).then(
      row('one', 'One'),
      row('two', 'Two'),
    );
  });

  it('are suspended until they are restored', () => {
    const suspended: StoreEvent = { type: 'StoreSuspended', data: { reason: 'fake goods' } };
    const restored: StoreEvent = { type: 'StoreRestored', data: { reason: null } };
    const opening = ['store-one', opened('One'), FIRST] as const;
    const suspending = ['store-one', suspended, LATER] as const;
    given(stores, ...recordedEvents(opening, suspending)).then({ ...row('one', 'One'), suspended: true });
    given(stores, ...recordedEvents(opening, suspending, ['store-one', restored, LATER])).then(row('one', 'One'));
  });

  it('show the last logo, and none after it was removed', () => {
    const changed: StoreEvent = { type: 'StoreLogoChanged', data: { logo: picture('new'), replaced: 'old' } };
    const removed: StoreEvent = { type: 'StoreLogoRemoved', data: { replaced: 'new' } };
    const facts = [
      ['store-one', opened('One'), FIRST],
      ['store-one', changed, FIRST],
    ] as const;
    given(stores, ...recordedEvents(...facts)).then({ ...row('one', 'One'), logo: picture('new') });
    given(stores, ...recordedEvents(...facts, ['store-one', removed, FIRST])).then(row('one', 'One'));
  });

  it('are changed in what was named', () => {
    const updated: StoreEvent = { type: 'StoreUpdated', data: { description: 'Teas' } };
    given(
      stores,
      ...recordedEvents(
        ['store-one', opened('One'), FIRST],
        ['store-two', opened('Two'), FIRST],
        ['store-two', updated, LATER],
      ),
    ).then(row('one', 'One'), {
      ...row('two', 'Two'),
      ...{ description: 'Teas', updated_at: LATER, words: vectorOf('Two', 'Teas') },
    });
  });
});

describe('categories', () => {
  const created = (name: string): CategoryEvent => ({ type: 'CategoryCreated', data: { name } });
  const row = (id: string, name: string): CategoryRow => ({ id, name, parent_id: null, ...at });
  const both = [
    ['category-one', created('Books'), FIRST],
    ['category-two', created('Teas'), FIRST],
  ] as const;

  it('have the name they were given last', () => {
    const renamed: CategoryEvent = { type: 'CategoryRenamed', data: { name: 'Novels' } };
    given(categories, ...recordedEvents(...both, ['category-one', renamed, LATER])).then(
      { ...row('one', 'Novels'), updated_at: LATER },
      row('two', 'Teas'),
    );
  });

  it('are gone when they were deleted', () => {
    const deleted: CategoryEvent = { type: 'CategoryDeleted', data: {} };
    given(categories, ...recordedEvents(...both, ['category-one', deleted, LATER])).then(row('two', 'Teas'));
  });
});
