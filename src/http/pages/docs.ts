import { createRequire } from 'node:module';
import path from 'node:path';
import { Router } from 'express';
import helmet from 'helmet';
import { packageRoot } from '../../platform/version.ts';

const ASSETS_DIR = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const ASSETS: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);
const ASSET_MAX_AGE_MS = 3_600_000;

/** Where the pages are, and where clients of other shops look for them. */
export const DOCS_PATHS = ['/docs', '/swagger'] as const;
/** The documents for programs: of the API, and of the events. */
export const DOCUMENTS = ['/openapi.json', '/asyncapi.json'] as const;
const WITH_SLASH = DOCS_PATHS.flatMap((path) => [path, `${path}/`]);

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Cartulary API</title>
    <link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/assets/swagger-ui.css" />
    <script src="/docs/assets/swagger-ui-bundle.js" defer></script>
    <script src="/docs/init.js" defer></script>
  </head>
  <body>
    <div id="swagger-ui"></div>
  </body>
</html>
`;
const INIT = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
});
`;

/** Scripts and data come from this server only; Swagger UI sets style attributes and draws its icons from data URLs. */
const POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** Swagger UI from the files of its npm package, without inline scripts and without other hosts. */
export function createDocs(openapi: string): Router {
  const docs = Router({ strict: true });
  docs.use([...DOCS_PATHS, ...DOCUMENTS], helmet({ contentSecurityPolicy: POLICY }));
  docs.get(WITH_SLASH, (_, res) => void res.type('html').send(PAGE));
  docs.get('/docs/init.js', (_, res) => void res.type('js').send(INIT));
  docs.get(['/openapi.json', '/docs/swagger.json'], (_, res) => void res.type('json').send(openapi));
  docs.get('/asyncapi.json', (_, res) =>
    res.sendFile('asyncapi.json', { root: packageRoot(), maxAge: ASSET_MAX_AGE_MS }),
  );
  docs.get('/docs/assets/:file', (req, res, next) => {
    const { file } = req.params;
    if (!ASSETS.has(file)) next();
    else res.sendFile(file, { root: ASSETS_DIR, maxAge: ASSET_MAX_AGE_MS });
  });
  return docs;
}
