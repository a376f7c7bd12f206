import type { Role, UserEvent } from '../aggregates/user.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { type Projection, unchanged } from '../engine/project/projection.ts';

/** `email`, `name`, `phone` and `address` are sealed. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly phone: string | null;
  readonly address: string | null;
  readonly role: Role;
  readonly store_id: string | null;
  readonly is_active: boolean;
  readonly created_at: string;
  readonly updated_at: string;
}

export const users: Projection<UserRow, UserEvent> = {
  name: 'users',
  table: 'users',
  key: 'id',
  of: 'user',
  columns: {
    id: 'uuid',
    email: 'text',
    name: 'text',
    phone: 'text',
    address: 'text',
    role: 'text',
    store_id: 'uuid',
    is_active: 'boolean',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    UserRegistered: {
      key: (event) => idOf(event.stream),
      row: (_row, { data: { email, name, phone, role }, metadata: { occurredAt } }, id) => ({
        ...{ id, email, name, phone, role, address: null, store_id: null, is_active: true },
        created_at: occurredAt,
        updated_at: occurredAt,
      }),
    },
    ProfileUpdated: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { phoneClaim: _claim, ...fields }, metadata }) =>
        row && { ...row, ...fields, updated_at: metadata.occurredAt },
    },
    UserRoleChanged: {
      key: (event) => idOf(event.stream),
      row: (row, { data, metadata }) =>
        row && { ...row, role: data.role, store_id: data.storeId, updated_at: metadata.occurredAt },
    },
    UserDeactivated: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, is_active: false, updated_at: metadata.occurredAt },
    },
    UserReactivated: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, is_active: true, updated_at: metadata.occurredAt },
    },
    // Nothing of the person stays, in whichever column.
    UserErased: { key: (event) => idOf(event.stream), row: () => null },
    PasswordChanged: unchanged,
    PasswordRehashed: unchanged,
    UserClaimAbandoned: unchanged,
  },
};
