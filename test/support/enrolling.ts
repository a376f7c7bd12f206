import { codeAt, stepOf } from '../../src/platform/oneTimeCodes.ts';
import { type Answer, must } from './shop.ts';

export interface Enrolled {
  readonly secret: string;
  /** The recovery codes. */
  readonly codes: readonly string[];
  /** The time step whose code confirmed the enrolment. */
  readonly step: number;
  /** To the confirmation. */
  readonly answer: Answer;
  /** The code of a later time step: 1 and 2 are accepted for half a minute and longer from now. */
  code(later: number): string;
}

/**
 * Sets up a second factor. It is confirmed by the code of the step before the present one, so that two more can be used without a wait.
 * A step may end meanwhile; then the code is wrong, and the one of the next step is sent.
 */
export async function enrolBy(
  send: (path: string, body: object) => Promise<Answer>,
  proof: { readonly password: string } | { readonly challenge: string },
): Promise<Enrolled> {
  const { secret } = must(await send('', proof), 200).data as { secret: string };
  const more = 'challenge' in proof ? proof : {};
  for (let tries = 0; ; tries += 1) {
    const step = stepOf(new Date().toISOString()) - 1;
    const answer = await send('/confirm', { ...more, code: codeAt(secret, step) });
    if (answer.status === 401 && tries < 3) continue;
    const codes = must(answer, 200).data.recovery_codes as string[];
    return { secret, codes, step, answer, code: (later) => codeAt(secret, step + later) };
  }
}

/** A code that is right at no time near this one. */
export function wrongCode({ secret, step }: Pick<Enrolled, 'secret' | 'step'>): string {
  const right = Array.from({ length: 40 }, (_, at) => codeAt(secret, step - 10 + at));
  return ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code))!;
}
