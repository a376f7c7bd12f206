import { setTimeout as pause } from 'node:timers/promises';
import { derivedId } from '../../platform/ids.ts';
import { translating, withTx, type Pool, type Queryable } from '../../platform/postgres/pool.ts';
import {
  GatewayRefused,
  GatewayTimeout,
  type Charge,
  type ChargeState,
  type PaymentGateway,
  type RefundAsked,
  type RefundState,
} from './gateway.ts';

interface Method {
  readonly status: 'authorised' | 'captured' | 'declined';
  /** The first request is carried out, but its answer is lost. */
  readonly losesAnswer?: boolean;
}

const METHODS: Readonly<Record<string, Method>> = {
  sandbox: { status: 'captured' },
  sandbox_decline: { status: 'declined' },
  sandbox_confirm: { status: 'authorised' },
  sandbox_timeout: { status: 'captured', losesAnswer: true },
};

export const SANDBOX_METHODS: readonly string[] = Object.keys(METHODS);

const DECLINED = 'The sandbox always declines this method.';
/** Namespace of the references that the sandbox gives out. */
const REFERENCES = '3c9d2f0e-6d0f-5a52-9d0c-0f8f6f5f7d11';
const referenceOf = (kind: 'charge' | 'refund', key: string): string =>
  `sandbox_${kind}_${derivedId(`${kind}:${key}`, REFERENCES).replaceAll('-', '')}`;

export interface SandboxOptions {
  readonly pool: Pool;
  /** How long a charge takes, ms. */
  readonly delayMs: number;
}

/** A simulated provider with its own ledger: it charges and refunds at most once per key. */
export function createSandboxGateway({ pool, delayMs }: SandboxOptions): PaymentGateway {
  return {
    async charge(charge, signal) {
      const method = METHODS[charge.method];
      if (method === undefined) throw new GatewayRefused(`The sandbox knows no method ${charge.method}.`);
      await pause(delayMs, undefined, { signal });
      const row = await translating(() => enterCharge(pool, charge, method.status));
      if (row.amount !== charge.amount || row.currency !== charge.currency || row.method !== charge.method) {
        throw new GatewayRefused('This key was used for another charge.');
      }
      if (method.losesAnswer === true && row.requests === 1) throw new GatewayTimeout();
      return stateOf(row);
    },
    capture: ({ key, reference }) => translating(() => captureCharge(pool, key, reference)),
    refund: (refund) => translating(() => enterRefund(pool, refund)),
    find: (key) =>
      translating(async () => {
        const row = await chargeOf(pool, key);
        return row && stateOf(row);
      }),
    findRefund: (key) => translating(() => refundOf(pool, key)),
  };
}

interface ChargeRow {
  readonly key: string;
  readonly reference: string;
  readonly method: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: 'authorised' | 'captured' | 'declined';
  readonly reason: string | null;
  /** How often this charge was requested. */
  readonly requests: number;
}

/** `amount` is read as text, because pools may parse int8 as bigint or as number. */
type RawCharge = Omit<ChargeRow, 'amount'> & { amount: string };
const CHARGE_COLUMNS = 'key, reference, method, amount::text, currency, status, reason, requests';
const chargeFrom = (row: RawCharge): ChargeRow => ({ ...row, amount: Number(row.amount) });

function stateOf({ status, reference, amount, currency, reason }: ChargeRow): ChargeState {
  switch (status) {
    case 'authorised':
      return { status, reference };
    case 'captured':
      return { status, reference, amount, currency };
    case 'declined':
      return { status, reason: reason ?? DECLINED };
  }
}

/** Of concurrent requests with one key, one enters the charge and the others find it, whichever unique index conflicts first. */
async function enterCharge(db: Queryable, charge: Charge, status: Method['status']): Promise<ChargeRow> {
  const entered = await db.query<RawCharge>(
    `INSERT INTO sandbox_charges (key, reference, method, amount, currency, status, reason, captured_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $6 = 'captured' THEN now() END)
     ON CONFLICT DO NOTHING
     RETURNING ${CHARGE_COLUMNS}`,
    [
      charge.key,
      referenceOf('charge', charge.key),
      charge.method,
      charge.amount,
      charge.currency,
      status,
      status === 'declined' ? DECLINED : null,
    ],
  );
  if (entered.rows[0] !== undefined) return chargeFrom(entered.rows[0]);
  const { rows } = await db.query<RawCharge>(
    `UPDATE sandbox_charges SET requests = requests + 1 WHERE key = $1 RETURNING ${CHARGE_COLUMNS}`,
    [charge.key],
  );
  return chargeFrom(rows[0]!);
}

async function chargeOf(db: Queryable, key: string): Promise<ChargeRow | undefined> {
  const { rows } = await db.query<RawCharge>(`SELECT ${CHARGE_COLUMNS} FROM sandbox_charges WHERE key = $1`, [key]);
  return rows[0] && chargeFrom(rows[0]);
}

async function captureCharge(db: Queryable, key: string, reference: string): Promise<ChargeState> {
  const { rows } = await db.query<RawCharge>(
    `UPDATE sandbox_charges SET status = 'captured', captured_at = coalesce(captured_at, now())
     WHERE key = $1 AND reference = $2 AND status IN ('authorised', 'captured') RETURNING ${CHARGE_COLUMNS}`,
    [key, reference],
  );
  if (rows[0] === undefined) throw new GatewayRefused('There is no such charge to capture.');
  return stateOf(chargeFrom(rows[0]));
}

async function refundOf(db: Queryable, key: string): Promise<RefundState | undefined> {
  const { rows } = await db.query<{ reference: string; amount: string; currency: string }>(
    `SELECT r.reference, r.amount::text, c.currency
     FROM sandbox_refunds r JOIN sandbox_charges c ON c.reference = r.charge WHERE r.key = $1`,
    [key],
  );
  return rows[0] && { ...rows[0], amount: Number(rows[0].amount) };
}

/** Locks the charge's row, so that concurrent refunds cannot together exceed the charge. */
const enterRefund = (pool: Pool, { key, reference, amount, currency }: RefundAsked): Promise<RefundState> =>
  withTx(pool, async (tx) => {
    const charge = await tx.query<{ status: string; amount: string; currency: string }>(
      'SELECT status, amount::text, currency FROM sandbox_charges WHERE reference = $1 FOR UPDATE',
      [reference],
    );
    if (charge.rows[0]?.status !== 'captured') throw new GatewayRefused('There is no such captured charge.');
    if (charge.rows[0].currency !== currency) {
      throw new GatewayRefused(`The charge is in ${charge.rows[0].currency}, the refund in ${currency}.`);
    }
    const known = await refundOf(tx, key);
    if (known !== undefined) {
      if (known.amount !== amount) throw new GatewayRefused('This key was used for another refund.');
      await tx.query('UPDATE sandbox_refunds SET requests = requests + 1 WHERE key = $1', [key]);
      return known;
    }
    const sum = await tx.query<{ refunded: string }>(
      'SELECT coalesce(sum(amount), 0)::text AS refunded FROM sandbox_refunds WHERE charge = $1',
      [reference],
    );
    if (Number(sum.rows[0]!.refunded) + amount > Number(charge.rows[0].amount)) {
      throw new GatewayRefused('A refund cannot be more than what was captured.');
    }
    const entry = { reference: referenceOf('refund', key), amount, currency };
    await tx.query('INSERT INTO sandbox_refunds (key, reference, charge, amount) VALUES ($1, $2, $3, $4)', [
      key,
      entry.reference,
      reference,
      amount,
    ]);
    return entry;
  });

/** One charge in the provider's ledger, for reconciliation with the log. */
export interface LedgerEntry {
  /** The payment's id. */
  readonly key: string;
  readonly method: string;
  readonly status: 'authorised' | 'captured' | 'declined';
  readonly amount: number;
  readonly refunded: number;
  /** How often the charge was requested. */
  readonly requests: number;
  readonly refunds: number;
}

/** The ledger entries of these payments, or the whole ledger. */
export async function sandboxLedger(db: Queryable, keys?: readonly string[]): Promise<LedgerEntry[]> {
  const { rows } = await db.query<Omit<LedgerEntry, 'amount' | 'refunded'> & { amount: string; refunded: string }>(
    `SELECT c.key, c.method, c.status, c.amount::text, c.requests,
       coalesce(sum(r.amount), 0)::text AS refunded, count(r.key)::int AS refunds
     FROM sandbox_charges c LEFT JOIN sandbox_refunds r ON r.charge = c.reference
     WHERE $1::text[] IS NULL OR c.key = ANY ($1::text[]) GROUP BY c.key ORDER BY c.created_at, c.key`,
    [keys ?? null],
  );
  return rows.map((row) => ({ ...row, amount: Number(row.amount), refunded: Number(row.refunded) }));
}
