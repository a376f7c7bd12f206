import type { IncomingMessage } from 'node:http';
import { ANONYMOUS, type Actor } from '../../engine/decide/context.ts';
import { Refusal } from '../../errors.ts';
import type { Verifier } from './tokens.ts';

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** A request whose token an older secret of the list has signed. */
export interface OlderKeyUse {
  readonly req: IncomingMessage;
  readonly user: string;
  /** The key's mark. */
  readonly key: string;
}

/** Returns the caller: the anonymous actor without an `Authorization` header. Throws a refusal when the token is not valid. */
export type Authenticate = (req: IncomingMessage) => Actor;

export const authenticateBy =
  (verify: Verifier, onOlderKey: (use: OlderKeyUse) => void = () => undefined): Authenticate =>
  (req) => {
    const header = req.headers.authorization;
    if (header === undefined) return ANONYMOUS;
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) {
      throw new Refusal('unauthenticated', 'TokenMalformed', 'Send Authorization: Bearer <access token>.');
    }
    const { actor, olderKey } = verify(token);
    if (olderKey !== undefined) onOlderKey({ req, user: actor.id, key: olderKey });
    return actor;
  };
