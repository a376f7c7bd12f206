import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '../support/shop.ts';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** The number of the kind in OTLP: 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

const valueOf = (value: Json): unknown =>
  value.stringValue ?? value.boolValue ?? Number(value.intValue ?? value.doubleValue);
const attributesOf = (list: Json = []): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }: Json) => [key, valueOf(value)]));

const spanOf = (span: Json): CollectedSpan => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
  name: span.name,
  kind: span.kind,
  links: (span.links ?? []).map(({ traceId, spanId }: Json) => ({ traceId, spanId })),
  attributes: attributesOf(span.attributes),
  failed: span.status?.code === 2,
});

/** Receives traces by OTLP over HTTP (JSON), like a collector. Answers with `status`. */
export async function startCollector(status = 200) {
  const spans: CollectedSpan[] = [];
  const seen = {
    requests: 0,
    path: '',
    headers: {} as NodeJS.Dict<string | string[]>,
    resource: {} as Record<string, unknown>,
  };
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => {
      Object.assign(seen, { requests: seen.requests + 1, path: req.url, headers: req.headers });
      for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
        seen.resource = attributesOf(resource.attributes);
        for (const scope of scopeSpans) spans.push(...scope.spans.map(spanOf));
      }
      res.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    seen,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
