import { Router } from 'express';
import helmet from 'helmet';
import { BASE_PATH } from '../api/api.ts';

interface AccountPage {
  readonly title: string;
  readonly button: string;
  /** Below the API's base path. */
  readonly route: string;
  readonly asksPassword?: true;
}

/** The pages that mailed links lead to, by their path. */
const PAGES: Readonly<Record<string, AccountPage>> = {
  '/account/verify-email': { title: 'Verify your e-mail address', button: 'Verify', route: '/auth/verify-email' },
  '/account/reset-password': {
    ...{ title: 'Set a new password', button: 'Set the password', route: '/auth/password-reset', asksPassword: true },
  },
  '/account/change-email': { title: 'Confirm your new e-mail address', button: 'Confirm', route: '/auth/email-change' },
};

const PASSWORD_FIELD = `
      <p><label>New password <input id="password" type="password" autocomplete="new-password" required /></label></p>`;

/** Addresses are relative, so that the shop may stand below a path of its host. */
const htmlOf = ({ title, button, route, asksPassword }: AccountPage): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <script src="page.js" defer></script>
  </head>
  <body>
    <h1>${title}</h1>
    <form id="form" data-to="..${BASE_PATH}${route}">${asksPassword === true ? PASSWORD_FIELD : ''}
      <p><button>${button}</button></p>
    </form>
    <p id="told" role="status"></p>
    <noscript><p>This page needs JavaScript.</p></noscript>
  </body>
</html>
`;

/** Sends the token of the fragment when the person presses the button, and never before: programs open links too. */
const SCRIPT = `const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname);
const form = document.getElementById('form');
const told = document.getElementById('told');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const password = document.getElementById('password');
  const body = { token: token ?? '', ...(password ? { new_password: password.value } : {}) };
  const headers = { 'Content-Type': 'application/json' };
  try {
    const answer = await fetch(form.dataset.to, { method: 'POST', headers, body: JSON.stringify(body) });
    const { data, detail } = await answer.json();
    told.textContent = answer.ok ? 'Done: ' + data.message + '.' : detail;
    if (answer.ok) form.hidden = true;
  } catch {
    told.textContent = 'The shop does not answer. Please try again.';
  }
});
`;

const POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** The pages of mailed links. A GET changes nothing, sets no cookie, and does not see the token. */
export function createAccountPages(): Router {
  const pages = Router({ strict: true });
  pages.use(
    '/account',
    helmet({ contentSecurityPolicy: POLICY, referrerPolicy: { policy: 'no-referrer' } }),
    (_req, res, next) => {
      res.setHeader('Cache-Control', 'no-store');
      next();
    },
  );
  for (const [path, page] of Object.entries(PAGES)) {
    const html = htmlOf(page);
    pages.get(path, (_req, res) => void res.type('html').send(html));
  }
  pages.get('/account/page.js', (_req, res) => void res.type('js').send(SCRIPT));
  return pages;
}
