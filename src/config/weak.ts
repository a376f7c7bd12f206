import type { Config } from './config.ts';

/** The fewest characters of a password below which a shop is warned: NIST SP 800-63B asks for 8. */
const PASSWORD_ADVISED_MIN = 8;

/** Settings that are allowed and weaken the shop, a sentence each; a start logs them. */
export function weakSettings({ auth: { passwordMinLength } }: Pick<Config, 'auth'>): string[] {
  if (passwordMinLength >= PASSWORD_ADVISED_MIN) return [];
  return [
    `PASSWORD_MIN_LENGTH is ${passwordMinLength}: passwords of fewer than ${PASSWORD_ADVISED_MIN} characters are guessed soon`,
  ];
}
