import { placeOfNotification } from '../../aggregates/sealed.ts';
import type { PersonalData } from '../../eventstore/personalData.ts';
import { isRefusal, unavailable } from '../../errors.ts';
import { failpoint } from '../../platform/failpoint.ts';
import { derivedId } from '../../platform/ids.ts';
import { type Pool, translating } from '../../platform/postgres/pool.ts';
import { scrub } from '../../platform/scrub.ts';
import type { Sender, Sending } from './mailer.ts';

/** The error of a notice whose sending was cut off. */
const STOPPED = 'its sender stopped before saying what became of it';

export type Channel = 'email' | 'sms';

/** One message to one person because of one event. */
export interface Notice {
  readonly eventId: string;
  readonly channel: Channel;
  readonly userId: string;
  readonly kind: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Part of the text; it is enough to act for the person. */
  readonly link?: string | undefined;
}

export interface OutboxDeps {
  readonly pool: Pool;
  readonly personalData: Pick<PersonalData, 'seal'>;
  readonly senders: Readonly<Record<Channel, Sender>>;
}

/**
 * Sends a notice at most once and stores it, with recipient and text sealed under the person's key. The row is claimed before
 * sending. If the sender stops in between, the notice becomes `unknown` and is not sent again: a second mail is worse than none.
 */
export async function sendOnce(deps: OutboxDeps, notice: Notice): Promise<void> {
  const id = derivedId(notice.channel, notice.eventId);
  if (!(await claim(deps, id, notice))) return;
  failpoint('notification:claimed');
  const { to, subject, text } = notice;
  const sending = withoutData(await deps.senders[notice.channel].send({ id, to, subject, text }), notice);
  failpoint('notification:sent');
  await settle(deps.pool, id, sending);
  if (sending.status === 'failed') throw unavailable('NotSent', `A message could not be sent: ${sending.error}`);
}

/**
 * Closes what an earlier attempt left `sending` on channels to which the event now sends nothing. No later attempt would
 * come back to such a row.
 */
export async function closeLeft(pool: Pool, eventId: string, channels: readonly Channel[]): Promise<void> {
  await translating(() =>
    pool.query(
      `UPDATE notifications SET status = 'unknown', error = $3
       WHERE event_id = $1 AND channel = ANY ($2::text[]) AND status = 'sending'`,
      [eventId, channels, STOPPED],
    ),
  );
}

/** The text in place of a link. */
const LINK_LEFT_OUT = '[this link is only in the mail itself]';

/** The stored part of a notice. Its link is left out; a mail that is only kept has it beside the text, for the operator of the shop. */
function storedOf({ to, text, link }: Notice, keeps: boolean): { to: string; text: string; link?: string } {
  if (link === undefined) return { to, text };
  return { to, text: text.replaceAll(link, LINK_LEFT_OUT), ...(keeps ? { link } : {}) };
}

/** Whether this call may send the notice: it was never tried, or was certainly not sent, and the person is not erased. */
async function claim({ pool, personalData, senders }: OutboxDeps, id: string, notice: Notice): Promise<boolean> {
  const { eventId, channel, userId, kind, subject } = notice;
  const stored = JSON.stringify(storedOf(notice, senders[channel].keeps === true));
  const body = await sealed(personalData, { id, userId }, stored);
  if (body === undefined) {
    await closeLeft(pool, eventId, [channel]);
    return false;
  }
  const { rows } = await translating(() =>
    pool.query<{ ours: boolean }>(
      `INSERT INTO notifications AS n (id, event_id, channel, user_id, kind, subject, body, status)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'sending')
       ON CONFLICT (event_id, channel) DO UPDATE
         SET status = CASE n.status WHEN 'failed' THEN 'sending' ELSE 'unknown' END,
             attempts = n.attempts + (n.status = 'failed')::int,
             error = CASE n.status WHEN 'failed' THEN n.error ELSE $8 END
         WHERE n.status IN ('failed', 'sending')
       RETURNING status = 'sending' AS ours`,
      [id, eventId, channel, userId, kind, subject, body, STOPPED],
    ),
  );
  return rows[0]?.ours === true;
}

/** A mail server's answer names the address it refuses, and may quote the message. */
const withoutData = (sending: Sending, { to }: Notice): Sending =>
  'error' in sending ? { ...sending, error: scrub(sending.error, [to]) } : sending;

/** Undefined when the person has been erased meanwhile. */
async function sealed(
  personalData: OutboxDeps['personalData'],
  { id, userId }: { readonly id: string; readonly userId: string },
  text: string,
) {
  try {
    return await personalData.seal(placeOfNotification(id, userId), text);
  } catch (error) {
    if (isRefusal(error) && error.rule === 'PersonErased') return undefined;
    throw error;
  }
}

async function settle(pool: Pool, id: string, sending: Sending): Promise<void> {
  const error = 'error' in sending ? sending.error : null;
  await translating(() =>
    pool.query(
      `UPDATE notifications SET status = $2, error = $3, sent_at = CASE WHEN $2 = 'sent' THEN now() END WHERE id = $1`,
      [id, sending.status, error],
    ),
  );
}
