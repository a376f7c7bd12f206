import { sealedInNotification } from '../../src/aggregates/sealed.ts';
import { codeAt, stepOf } from '../../src/platform/oneTimeCodes.ts';
import { eventually } from './eventually.ts';
import { openWriteSide } from './shop.ts';

/** The code that an authenticator app shows now. */
export const codeNow = (secret: string): string => codeAt(secret, stepOf(new Date().toISOString()));

const TOKEN = /#token=([^\s]+)/;

const tokenIn = (text: string): string => {
  const token = TOKEN.exec(text)?.[1];
  if (token === undefined) throw new Error(`no link in: ${text}`);
  return token;
};

/** Decodes the quoted-printable text of a mail that a mail server has got. */
const decoded = (data: string): string =>
  /content-transfer-encoding: quoted-printable/i.test(data)
    ? Buffer.from(
        data
          .replaceAll(/=\r?\n/g, '')
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      ).toString()
    : data;

interface Delivered {
  readonly to: readonly string[];
  readonly data: string;
}

/** The texts of the mails with links that a mail server has got for an address. */
export const linksIn = (mails: readonly Delivered[], to: string): string[] =>
  mails
    .filter((mail) => mail.to.includes(to))
    .map(({ data }) => decoded(data))
    .filter((text) => text.includes('#token='));

/** The token of the newest link to an address, once there are so many. */
export const tokenOf = (mails: readonly Delivered[], { to, count }: { to: string; count: number }): Promise<string> =>
  eventually(`link ${count} to ${to}`, () => {
    const links = linksIn(mails, to);
    return links.length >= count ? tokenIn(links.at(-1)!) : undefined;
  });

export interface KeptMail {
  readonly to: string;
  readonly text: string;
  readonly link?: string;
}

/** Reads the mails that a shop without a mail server keeps, as its operator can. */
export async function keptMails(databaseUrl: string) {
  const write = await openWriteSide(databaseUrl, {}, { readOnly: true });
  const { pool, services } = write;
  const mails = async (userId: string, kind: string): Promise<readonly KeptMail[]> => {
    const sql = `SELECT id, body FROM notifications WHERE user_id = $1 AND kind = $2 AND status = 'kept' ORDER BY created_at`;
    const { rows } = await pool.query<{ id: string; body: string }>(sql, [userId, kind]);
    const opened = await services.personalData.revealAll(rows, ({ id }) => sealedInNotification(id, userId));
    return opened.map(({ body }) => JSON.parse(body) as KeptMail);
  };
  return {
    mails,
    /** The token of the newest link of a kind, once there are so many of them. */
    token: (userId: string, kind: string, count = 1): Promise<string> =>
      eventually(`mail ${count} of kind ${kind}`, async () => {
        const found = await mails(userId, kind);
        return found.length >= count ? tokenIn(found.at(-1)!.link ?? '') : undefined;
      }),
    close: () => write.close(),
  };
}
