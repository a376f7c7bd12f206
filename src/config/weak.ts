import type { Config } from './config.ts';

/** The fewest characters of a password below which a shop is warned: NIST SP 800-63B asks for 8. */
const PASSWORD_ADVISED_MIN = 8;

/** Settings that are allowed and weaken or shut the shop, a sentence each; a start logs them. */
export function weakSettings({ auth, signIn, mail }: Pick<Config, 'auth' | 'signIn' | 'mail'>): string[] {
  const remarks: string[] = [];
  if (auth.passwordMinLength < PASSWORD_ADVISED_MIN) {
    remarks.push(
      `PASSWORD_MIN_LENGTH is ${auth.passwordMinLength}: passwords of fewer than ${PASSWORD_ADVISED_MIN} characters are guessed soon`,
    );
  }
  if (signIn.verifiedEmail && mail.smtpUrl === undefined) {
    remarks.push('REQUIRE_VERIFIED_EMAIL is true without SMTP_URL: no link is mailed, so nobody new can sign in');
  }
  return remarks;
}
