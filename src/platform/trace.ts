import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { isRefusal } from '../errors.ts';

/** Links per span that the SDK keeps, at most. */
const LINKS_MAX = 128;
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const KINDS = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

let tracer: Tracer | undefined;

/** Sets the tracer that makes spans from now on; `undefined` (as at process start) turns tracing off. */
export function traceWith(given: Tracer | undefined): void {
  tracer = given;
}

export const isTracing = (): boolean => tracer !== undefined;

export interface SpanDetails {
  readonly kind: keyof typeof KINDS;
  readonly name: string;
  /** W3C traceparents, as in events. Invalid ones are ignored. */
  readonly parent?: string | undefined;
  readonly links?: readonly (string | undefined)[];
  /** Names follow OpenTelemetry's semantic conventions where they exist. Must not contain personal data. */
  readonly attributes: Attributes;
}

export interface OpenSpan {
  /** Parent for the spans of work that follows from this one. */
  readonly traceparent: string;
  /** Ends the span. `failed`, an `unavailable` refusal, or an `error` that is not a refusal sets its status to error. */
  end(outcome?: { name?: string; attributes?: Attributes; failed?: boolean; error?: unknown }): void;
}

function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.isSpanContextValid(context) ? context : undefined;
}

const contextOf = (traceparent: string | undefined): Context => {
  const parent = spanContextOf(traceparent);
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
};

const linksOf = (traceparents: readonly (string | undefined)[]): Link[] =>
  [...new Set(traceparents)].slice(0, LINKS_MAX).flatMap((traceparent) => {
    const context = spanContextOf(traceparent);
    return context === undefined ? [] : [{ context }];
  });

const textOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** Refusals are answers, except `unavailable` ones. Other errors are failures, recorded by name only. */
const failureOf = (error: unknown): { attributes: Attributes; failed: boolean } => {
  if (isRefusal(error)) return { attributes: { 'error.type': error.rule }, failed: error.kind === 'unavailable' };
  return { attributes: { 'error.type': error instanceof Error ? error.name : 'unknown' }, failed: true };
};

/** Starts a span. The caller must end it. Undefined when tracing is off. */
export function startSpan(describe: () => SpanDetails): OpenSpan | undefined {
  if (tracer === undefined) return undefined;
  const { kind, name, parent, links = [], attributes } = describe();
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes, links: linksOf(links) }, contextOf(parent));
  return {
    traceparent: textOf(span.spanContext()),
    end(outcome = {}) {
      if (outcome.name !== undefined) span.updateName(outcome.name);
      if (outcome.attributes !== undefined) span.setAttributes(outcome.attributes);
      const failure = outcome.error === undefined ? undefined : failureOf(outcome.error);
      if (failure !== undefined) span.setAttributes(failure.attributes);
      if (outcome.failed === true || failure?.failed === true) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/**
 * Runs `work` in a span and passes it the span's traceparent. When tracing is off, `work` gets `untraced`, and the cost is one
 * comparison. Context is passed only as traceparents, which events carry too, so it also reaches batches and other processes.
 */
export function traced<T>(
  describe: () => SpanDetails,
  work: (traceparent: string | undefined) => Promise<T>,
  untraced?: string,
): Promise<T> {
  return tracer === undefined ? work(untraced) : within(describe, work);
}

async function within<T>(
  describe: () => SpanDetails,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  const span = startSpan(describe);
  try {
    const result = await work(span?.traceparent);
    span?.end();
    return result;
  } catch (error) {
    span?.end({ error });
    throw error;
  }
}
