import type { Values } from './settings.ts';

/** Addresses that stand for every address of the machine; a browser cannot open them. */
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Where people reach the shop: links in mails begin with it. Without a last slash. */
export function publicUrlOf({ PUBLIC_URL, HOST, PORT }: Values): string {
  if (PUBLIC_URL !== undefined) return PUBLIC_URL.replace(/\/+$/, '');
  const host = EVERY_ADDRESS.has(HOST) ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST;
  return `http://${host}:${PORT}`;
}

export const signInOf = (values: Values) => ({
  verifiedEmail: values.REQUIRE_VERIFIED_EMAIL === 'true',
  secondFactor: values.REQUIRE_SECOND_FACTOR,
});
