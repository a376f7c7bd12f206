import { pino, type Logger } from 'pino';
import { timestamp, type Exchange } from './exchange.ts';

interface Line {
  readonly exchange: Exchange;
  readonly status: number;
  readonly ms: number;
}

export type AccessLog = (line: Line) => void;

interface Destination {
  write(line: string): void;
}

/** Percent-encoded ASCII or names of our own; nothing in them needs escaping. */
const quoted = (name: string, value: string): string => `,"${name}":"${value}"`;

/**
 * One line per request, of the same form as the logger's others and into the same (buffered) stream. It is put together
 * here because none of its fields can be secret or in need of escaping: to serialise them and to look through them for
 * secrets would cost more than answering from the cache does.
 */
export function createAccessLog(logger: Logger): AccessLog {
  const internals = logger as unknown as Record<symbol, unknown>;
  const stream = internals[pino.symbols.streamSym] as Destination;
  const bindings = (internals[pino.symbols.chindingsSym] as string | undefined) ?? '';
  return ({ exchange, status, ms }) => {
    if (!logger.isLevelEnabled('info')) return;
    const { req, route, requestId, actor } = exchange;
    stream.write(
      `{"level":"info","time":"${timestamp()}"${bindings}${quoted('method', req.method ?? '')}${quoted('route', route)}` +
        `,"status":${status},"ms":${Math.round(ms * 100) / 100}${quoted('request_id', requestId)}` +
        `${actor.role === 'anonymous' ? '' : quoted('user', actor.id)},"msg":"request"}\n`,
    );
  };
}
