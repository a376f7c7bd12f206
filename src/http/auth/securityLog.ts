import { createHmac, hkdfSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { isRefusal, type Refusal, SecurityFinding } from '../../errors.ts';
import type { Exchange } from '../api/exchange.ts';
import type { Limited } from '../limits/limits.ts';
import { WINDOW_MS } from '../limits/rateLimit.ts';
import type { OlderKeyUse } from './authenticate.ts';
import { signingKeysOf } from './signingKeys.ts';

const KEY_BYTES = 32;
const MARK_DIGITS = 16;
/** The most limited callers that are remembered, so that each is logged once per window and not at every request. */
const CALLERS_TOLD_MAX = 10_000;

interface SecurityEvent {
  readonly name: string;
  /** The account that was named but not proved. */
  readonly account: string | undefined;
  /** The fields that the contract adds. */
  readonly tells: Readonly<Record<string, string>> | undefined;
}

/** Writes what an auditor of the shop's security looks for, as lines with the field `security`. */
export interface SecurityLog {
  /** A command that its contract names as a security event was carried out, or refused with `error`. */
  settled(exchange: Exchange, event: SecurityEvent, error?: unknown): void;
  /** A token was signed with an older key; logged once per account, key and minute. */
  olderKey(use: OlderKeyUse): void;
  /** A token that is not valid, or a role that a route is not for; logged once per caller, rule and minute. */
  denied(exchange: Exchange, error: unknown): void;
  /** A caller asked for metrics without the token for them, or with another; logged once per address and minute. */
  noInsight(exchange: Exchange): void;
  /** A caller was refused or delayed by a rate limit; logged once per caller and minute. */
  limited(exchange: Exchange, limited: Limited): void;
}

export interface SecurityLogOptions {
  readonly logger: Logger;
  readonly masterKey: Buffer;
  readonly addressOf: (req: IncomingMessage) => string;
}

const markKey = (masterKey: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', masterKey, '', 'cartulary log marks', KEY_BYTES));
const markOf = (key: Buffer, text: string): string =>
  createHmac('sha256', key).update(text).digest('hex').slice(0, MARK_DIGITS);

/** Names the keys that a process uses from its start on, by marks that do not reveal them. `master`: that of the master key. */
export function logKeysInUse(logger: Logger, { jwtSecret, master }: Record<'jwtSecret' | 'master', string>): void {
  const [signs, ...verify] = signingKeysOf(jwtSecret).map(({ mark }) => mark);
  logger.info({ security: 'keys in use', signs, verify, master }, 'security: keys in use');
}

/** A token that has run out is nothing unusual: each client meets one now and then. */
const isExpiry = ({ cause }: Refusal): boolean => cause instanceof Error && cause.name === 'TokenExpiredError';

/**
 * An account that was named but not proved appears only as a keyed mark: equal marks are the same account, and a mark does
 * not tell its e-mail address. A signed-in caller appears with the account's id, as in the lines of requests.
 */
export function createSecurityLog({ logger, masterKey, addressOf }: SecurityLogOptions): SecurityLog {
  const key = markKey(masterKey);
  const told = new LRUCache<string, true>({ max: CALLERS_TOLD_MAX, ttl: WINDOW_MS });
  const isNews = (once: string): boolean => {
    if (told.has(once)) return false;
    told.set(once, true);
    return true;
  };
  const markOfAccount = (account: string): string => markOf(key, account.normalize('NFC').trim().toLowerCase());
  const circumstances = ({ req, route, requestId, actor }: Exchange) => ({
    address: addressOf(req),
    route,
    request_id: requestId,
    ...(actor.role === 'anonymous' ? {} : { user: actor.id }),
  });

  return {
    settled(exchange, { name, account, tells }, error) {
      const named = account === undefined ? {} : { account: markOfAccount(account) };
      const line = { security: name, ...named, ...tells, ...circumstances(exchange) };
      if (error === undefined) logger.info(line, `security: ${name}`);
      else if (isRefusal(error) && error.kind === 'unauthenticated')
        logger.warn({ ...line, rule: error.rule }, `security: ${name} refused`);
      const { cause } = (error ?? {}) as { cause?: unknown };
      if (!(cause instanceof SecurityFinding)) return;
      const found = { security: cause.message, ...circumstances(exchange), ...cause.details };
      logger.warn(found, `security: ${cause.message}`);
    },
    denied(exchange, error) {
      if (!isRefusal(error) || error.rule === 'TokenMissing' || isExpiry(error)) return;
      const event = error.kind === 'forbidden' ? 'access refused' : 'token refused';
      const line = { security: event, rule: error.rule, ...circumstances(exchange) };
      if (isNews(`${event}:${error.rule}:${line.address}:${exchange.actor.id}`))
        logger.warn(line, `security: ${event}`);
    },
    noInsight(exchange) {
      const event = 'metrics refused';
      const line = { security: event, ...circumstances(exchange) };
      if (isNews(`${event}:${line.address}`)) logger.warn(line, `security: ${event}`);
    },
    olderKey({ req, user, key: used }) {
      if (!isNews(`older key:${used}:${user}`)) return;
      const line = { security: 'use of an older key', key: used, user, address: addressOf(req) };
      logger.info(line, 'security: use of an older key');
    },
    limited(exchange, { name, caller, outcome }) {
      if (!isNews(`${name}:${caller}:${outcome}`)) return;
      const line = { security: `rate limit ${outcome}`, limit: name, ...circumstances(exchange) };
      logger.warn(line, `security: a caller was ${outcome} by a rate limit`);
    },
  };
}
