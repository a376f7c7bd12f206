import type { IncomingMessage } from 'node:http';
import { ANONYMOUS, type Actor } from '../../engine/decide/context.ts';
import { Refusal } from '../../errors.ts';
import type { Verifier } from './tokens.ts';

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** Returns the caller: the anonymous actor without an `Authorization` header. Throws a refusal when the token is not valid. */
export type Authenticate = (req: IncomingMessage) => Actor;

export const authenticateBy =
  (verify: Verifier): Authenticate =>
  (req) => {
    const header = req.headers.authorization;
    if (header === undefined) return ANONYMOUS;
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) {
      throw new Refusal('unauthenticated', 'TokenMalformed', 'Send Authorization: Bearer <access token>.');
    }
    return verify(token).actor;
  };
