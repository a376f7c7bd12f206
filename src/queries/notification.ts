import { type Static, Type } from 'typebox';
import { sealedInNotification } from '../aggregates/sealed.ts';
import { Fields, Id, Instant, Nullable, Named } from '../schema.ts';
import { newestFirst, readPage } from '../engine/ask/pages.ts';
import { conditions, Paging } from '../engine/ask/paging.ts';
import { defineQuery } from './contract.ts';

export interface NotificationRow {
  readonly id: string;
  readonly event_id: string;
  readonly channel: string;
  readonly kind: string;
  readonly subject: string;
  /** JSON text `{ to, text }`, sealed. */
  readonly body: string;
  readonly status: string;
  readonly created_at: string;
  readonly sent_at: string | null;
}

export const NotificationView = Named('Notification', {
  id: Id,
  event_id: Id,
  channel: Type.String(),
  kind: Type.String(),
  subject: Type.String(),
  to: Type.String(),
  text: Type.String(),
  status: Type.String(),
  created_at: Instant,
  sent_at: Nullable(Instant),
});

export type NotificationView = Static<typeof NotificationView>;

/** Recipient and text from a revealed body. After the person was erased, the body is not JSON but `[erased]`. */
function opened(body: string): { to: string; text: string } {
  try {
    // A mail that is kept has its link beside the text: a caller with a stolen token must not find it here.
    const { to, text } = JSON.parse(body) as { to: string; text: string };
    return { to, text };
  } catch {
    return { to: body, text: body };
  }
}

/** Expects a `row` whose body is already revealed. */
export const notificationView = (row: NotificationRow): NotificationView => ({
  ...{ id: row.id, event_id: row.event_id, channel: row.channel, kind: row.kind, subject: row.subject },
  ...{ status: row.status, created_at: row.created_at, sent_at: row.sent_at },
  ...opened(row.body),
});

export const NOTIFICATION_COLUMNS = 'id, event_id, channel, kind, subject, body, status, created_at, sent_at';

const listNotifications = defineQuery({
  name: 'ListNotifications',
  summary: 'The messages that were sent to me, newest first',
  tag: 'notifications',
  route: 'GET /notifications',
  access: 'user',
  query: Fields(Paging),
  result: Type.Array(NotificationView),
  paginated: true,
  reads: [],
  async run({ query }, context) {
    const { actor, services } = context;
    const where = conditions();
    where.add('user_id = ?', actor.id);
    const sql = { columns: NOTIFICATION_COLUMNS, from: 'notifications', where, order: newestFirst() };
    const { rows, pagination } = await readPage<NotificationRow>(context, sql, query);
    const revealed = await services.personalData.revealAll(rows, (row) => sealedInNotification(row.id, actor.id));
    return { data: revealed.map(notificationView), pagination };
  },
});

export const notificationQueries = [listNotifications];
