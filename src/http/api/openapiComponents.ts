import { type Code, CODES } from './problem.ts';
import { among, headers, LIMITS } from './openapiHeaders.ts';
import { schemaRef, type Schema } from './openapiSchemas.ts';

/** The parts of the specification that every operation shares. */

export const parameterRef = (name: string) => ({ $ref: `#/components/parameters/${name}` });

const requestHeader = (name: string, description: string, schema: object) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema,
});
const wholeNumber = (minimum: number) => ({ type: 'integer', minimum });

const meta = {
  request_id: { type: 'string' },
  timestamp: { type: 'string', format: 'date-time' },
};

const schemas = {
  Meta: { type: 'object', required: ['request_id', 'timestamp'], properties: meta },
  PagedMeta: {
    type: 'object',
    required: ['request_id', 'timestamp', 'pagination'],
    properties: { ...meta, pagination: schemaRef('Pagination') },
  },
  Pagination: {
    type: 'object',
    required: ['current_page', 'per_page', 'total_items', 'total_pages'],
    properties: {
      current_page: wholeNumber(1),
      per_page: wholeNumber(1),
      total_items: wholeNumber(0),
      total_pages: wholeNumber(0),
      total_is_minimum: {
        const: true,
        description: 'There are more than `total_items`: counting all of them would cost more than the page.',
      },
      next: {
        type: 'string',
        description: 'The `cursor` of the page that follows; absent on the last page.',
      },
    },
  },
  OnwardMeta: {
    type: 'object',
    required: ['request_id', 'timestamp', 'pagination'],
    properties: { ...meta, pagination: schemaRef('Onward') },
  },
  Onward: {
    type: 'object',
    description: 'Of a list whose length nobody has counted.',
    required: ['per_page'],
    properties: {
      per_page: wholeNumber(1),
      next: {
        type: 'string',
        description:
          'The `cursor` of the page that follows; absent on the last page. A page may be empty and yet have one.',
      },
    },
  },
  FieldError: {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: { type: 'string' }, field: { type: 'string' }, message: { type: 'string' } },
  },
  Problem: {
    type: 'object',
    description: 'RFC 9457, with every invalid field at once.',
    required: ['type', 'title', 'status', 'detail', 'instance', 'errors', 'meta'],
    properties: {
      type: { type: 'string', format: 'uri-reference', description: 'Names the broken rule; stable.' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string' },
      errors: { type: 'array', items: schemaRef('FieldError') },
      meta: schemaRef('Meta'),
      error: { type: 'string', description: 'With 429 only: the code of the error.' },
      message: { type: 'string', description: 'With 429 only: the same text as `detail`.' },
      retry_after: { type: 'string', description: 'With 429 only: how long to wait, such as `12 seconds`.' },
    },
  },
  Recorded: {
    type: 'object',
    required: ['data', 'meta'],
    properties: {
      data: {
        type: 'object',
        required: ['recorded', 'message'],
        properties: {
          recorded: { const: true },
          message: { type: 'string' },
          seen_at: { type: 'string', description: 'The address that shows the effect.' },
        },
      },
      meta: schemaRef('Meta'),
    },
  },
  Health: {
    type: 'object',
    required: ['data', 'meta'],
    properties: {
      data: { type: 'object', required: ['status'], properties: { status: { type: 'string' } } },
      meta: schemaRef('Meta'),
    },
  },
};

const parameters = {
  IdempotencyKey: requestHeader(
    'Idempotency-Key',
    'The same key and body again within 24 hours gives the same answer and no second effect.',
    { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  ),
  IfMatch: requestHeader('If-Match', 'An ETag: refused with 412 when the resource has changed since.', {
    type: 'string',
  }),
  IfNoneMatch: requestHeader('If-None-Match', 'An ETag: answered with 304 when nothing has changed since.', {
    type: 'string',
  }),
  MinPosition: requestHeader('Min-Position', 'Wait (2 s at most) until the answer includes this position.', {
    type: 'string',
    pattern: '^[0-9]+$',
  }),
  RequestId: requestHeader('X-Request-ID', 'Kept with every event that follows from this request.', {
    type: 'string',
    pattern: '^[A-Za-z0-9._-]{1,128}$',
  }),
};

export const META_EXAMPLE = { request_id: 'a1b2c3', timestamp: '2026-03-01T12:00:00.000Z' };
const PAGING_EXAMPLE = { current_page: 1, per_page: 20, total_items: 1, total_pages: 1 };

/** One problem of each code. */
const examples = Object.fromEntries(
  Object.entries(CODES).map(([code, { status, title }]) => {
    const isInput = code === 'VALIDATION_ERROR';
    const message = isInput ? 'name is missing: it must be text of 1 to 200 characters' : `${title}.`;
    const value = {
      ...{ type: isInput ? '/problems/InvalidRequest' : '/problems/TheRule', title, status },
      ...{ detail: message, instance: '/api/v1/orders' },
      errors: [{ code, ...(isInput ? { field: 'name' } : {}), message }],
      meta: META_EXAMPLE,
    };
    return [code, { summary: title, value }];
  }),
);
export const problemExamples = (codes: readonly Code[]) =>
  Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));

const recorded = {
  data: { recorded: true, message: 'This is recorded.', seen_at: '/api/v1/cart' },
  meta: META_EXAMPLE,
};

const responses = {
  Recorded: {
    description: 'The effect is recorded, but the answer could not be made just now. Look; do not repeat the request.',
    headers: among('X-Request-ID', 'Event-Position', 'PerhapsLocation', ...LIMITS),
    content: { 'application/json': { schema: schemaRef('Recorded'), example: recorded } },
  },
  NotModified: {
    description: 'Not modified since the ETag of `If-None-Match`',
    headers: among('X-Request-ID', 'ETag', 'Projection-Position', ...LIMITS),
  },
};

/** The components, with the schemas of the routes. */
export function componentsWith(named: Readonly<Record<string, Schema>>) {
  const twice = Object.keys(named).find((name) => name in schemas);
  if (twice !== undefined) throw new Error(`Two schemas are named ${twice}.`);
  return {
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    schemas: { ...schemas, ...named },
    headers,
    parameters,
    responses,
    examples,
  };
}

const page = (operationId: string, summary: string, more: object = {}) => ({
  get: {
    operationId,
    summary,
    tags: ['operations'],
    security: [],
    responses: {
      200: { description: 'OK', content: { 'application/json': { schema: schemaRef('Health') } } },
      ...more,
    },
  },
});
const failing = {
  503: {
    description: 'Something that correct answers depend on is gone, or the process is stopping.',
    content: { 'application/json': { schema: schemaRef('Health') } },
  },
};

/** Routes outside the base path. */
export const PAGES = {
  '/health': page('health', 'Whether the process answers.'),
  '/livez': page('livez', 'Whether the process should be left running.'),
  '/readyz': page('readyz', 'Whether the process can do its work: each dependency by name.', failing),
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Prometheus metrics, where the settings METRICS_PORT and METRICS_TOKEN let the caller have them.',
      tags: ['operations'],
      security: [],
      responses: {
        200: { description: 'OK', content: { 'text/plain': { schema: { type: 'string' } } } },
        401: { description: 'The token of METRICS_TOKEN is missing or wrong.' },
        404: { description: 'Metrics are not shown at this port.' },
      },
    },
  },
};

const UNPAGED = ['Meta', {}] as const;
const PAGED = ['PagedMeta', { pagination: PAGING_EXAMPLE }] as const;
const ONWARD = ['OnwardMeta', { pagination: { per_page: PAGING_EXAMPLE.per_page } }] as const;

/** The schema of an answer's `meta`, and the example of what it has beside the meta of every answer. */
export const metaOf = (paginated: boolean | 'onward' | undefined) =>
  paginated === 'onward' ? ONWARD : paginated === true ? PAGED : UNPAGED;
