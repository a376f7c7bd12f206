import { type Request, type Response, Router } from 'express';
import { envelope, type Exchange, JSON_TYPE } from '../api/exchange.ts';
import { BASE_PATH } from '../api/api.ts';
import { type ProblemRule, RULES } from './rules.ts';

const LINKS = {
  api: BASE_PATH,
  docs: '/docs',
  openapi: '/openapi.json',
  health: '/health',
  problems: '/problems',
} as const;
const TITLES: Readonly<Record<keyof typeof LINKS, string>> = {
  api: 'The API; its routes are in the documentation',
  docs: 'Documentation of the API',
  openapi: 'The same for programs, as OpenAPI',
  health: 'Whether the shop answers',
  problems: 'What the API refuses, by rule',
};
const ABOUT = 'This is the API of a shop. Programs talk to it; people begin with its documentation.';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const htmlOf = (title: string, body: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escaped(title)}</title>
  </head>
  <body>
    <h1>${escaped(title)}</h1>
${body}
  </body>
</html>
`;

const home = (): string => {
  const links = Object.entries(TITLES).filter(([name]) => name !== 'api');
  const items = links.map(([name, told]) => {
    const where = LINKS[name as keyof typeof LINKS];
    return `      <li><a href="${where}">${escaped(told)}</a></li>`;
  });
  return htmlOf('Cartulary', `    <p>${ABOUT}</p>\n    <ul>\n${items.join('\n')}\n    </ul>`);
};

const addressOf = (rule: string): string => `/problems/${rule}`;

const listPage = (): string => {
  const names = [...new Set(RULES.map(({ rule }) => rule))];
  const items = names.map((rule) => `      <li><a href="${addressOf(rule)}">${escaped(rule)}</a></li>`);
  return htmlOf('What the API refuses', `    <ul>\n${items.join('\n')}\n    </ul>`);
};

const rulePage = (rule: string, ways: readonly ProblemRule[]): string => {
  const parts = ways.map(({ status, code, sentences }) => {
    const said = sentences.map((one) => `      <li>${escaped(one)}</li>`).join('\n');
    const list = said === '' ? '' : `\n    <p>It says, with … for what varies:</p>\n    <ul>\n${said}\n    </ul>`;
    return `    <p>Status ${status}, code ${code}.</p>${list}`;
  });
  return htmlOf(rule, `${parts.join('\n')}\n    <p><a href="/problems">All rules</a></p>`);
};

/** Whether a caller would rather read HTML: a browser says so, an API client does not. */
const wantsHtml = ({ headers: { accept = '' } }: Request): boolean => accept.includes('text/html');

interface Page {
  readonly route: string;
  readonly html: string;
  readonly data: unknown;
}

export interface Sending {
  readonly exchangeOf: (res: Response) => Exchange;
  readonly send: (exchange: Exchange, status: number, headers: readonly string[], body: string) => void;
  readonly missing: (path: string) => Error;
}

/** The first page of the shop, and a page for each `type` of a problem: HTML for people, JSON for programs. */
export function createHome({ exchangeOf, send, missing }: Sending): Router {
  const pages = Router({ strict: true });
  const answer = (req: Request, res: Response, { route, html, data }: Page): void => {
    const exchange = exchangeOf(res);
    exchange.route = route;
    const isHtml = wantsHtml(req);
    const type = isHtml ? ['Content-Type', 'text/html; charset=utf-8'] : ['Content-Type', JSON_TYPE];
    const body = isHtml ? html : envelope(exchange.requestId, JSON.stringify(data));
    send(exchange, 200, [...type, 'Vary', 'Accept', 'Cache-Control', 'no-cache'], body);
  };
  pages.get('/', (req, res) =>
    answer(req, res, { route: '/', html: home(), data: { name: 'Cartulary', about: ABOUT, links: LINKS } }),
  );
  pages.get('/problems', (req, res) => answer(req, res, { route: '/problems', html: listPage(), data: RULES }));
  pages.get('/problems/:rule', (req, res) => {
    const { rule } = req.params;
    const ways = RULES.filter((one) => one.rule === rule);
    if (ways.length === 0) throw missing(exchangeOf(res).path);
    const data = { rule, ways: ways.map(({ status, code, sentences }) => ({ status, code, sentences })) };
    answer(req, res, { route: '/problems/:rule', html: rulePage(rule, ways), data });
  });
  return pages;
}
