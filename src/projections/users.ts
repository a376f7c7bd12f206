import { RECOVERY_CODES } from '../aggregates/secondFactor.ts';
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
  readonly email_verified: boolean;
  readonly second_factor: boolean;
  readonly recovery_codes_left: number;
  readonly created_at: string;
  readonly updated_at: string;
}

const withFactor = (left: number) => ({ second_factor: true, recovery_codes_left: left });

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
    email_verified: 'boolean',
    second_factor: 'boolean',
    recovery_codes_left: 'int',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    UserRegistered: {
      key: (event) => idOf(event.stream),
      row: (_row, { data: { email, name, phone, role }, metadata: { occurredAt } }, id) => ({
        ...{ id, email, name, phone, role, address: null, store_id: null, is_active: true },
        ...{ email_verified: false, second_factor: false, recovery_codes_left: 0 },
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
    EmailVerified: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, email_verified: true, updated_at: metadata.occurredAt },
    },
    EmailChanged: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { email }, metadata }) =>
        row && { ...row, email, email_verified: true, updated_at: metadata.occurredAt },
    },
    SecondFactorEnabled: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, ...withFactor(RECOVERY_CODES), updated_at: metadata.occurredAt },
    },
    SecondFactorDisabled: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) =>
        row && { ...row, second_factor: false, recovery_codes_left: 0, updated_at: metadata.occurredAt },
    },
    RecoveryCodesRenewed: {
      key: (event) => idOf(event.stream),
      row: (row, { metadata }) => row && { ...row, ...withFactor(RECOVERY_CODES), updated_at: metadata.occurredAt },
    },
    SecondFactorPassed: {
      key: (event) => idOf(event.stream),
      row: (row, { data: { proof } }) =>
        row && ('recoveryIndex' in proof ? { ...row, ...withFactor(row.recovery_codes_left - 1) } : row),
    },
    LinkRequested: unchanged,
    SecondFactorOffered: unchanged,
    SecondFactorFailed: unchanged,
    PasswordChanged: unchanged,
    OtherSessionsEnded: unchanged,
    PasswordRehashed: unchanged,
    UserClaimAbandoned: unchanged,
  },
};
