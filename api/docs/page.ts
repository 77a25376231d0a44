import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Router } from 'express';

/** Only what we serve ourselves; Swagger UI writes its own styles. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Patchbay API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });\n`;

/** Serves the document at `/openapi.json` and Swagger UI at `/docs`, all of it from this machine. */
export function serveDocs(router: Router, document: object): void {
  const files = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
  router.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  router.use('/docs', (_request, response, next) => {
    response.set('content-security-policy', policy);
    next();
  });
  router.get('/docs', (_request, response) => {
    response.type('html').send(page);
  });
  router.get('/docs/start.js', (_request, response) => {
    response.type('js').send(start);
  });
  const shown = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
  for (const file of shown) router.get(`/docs/${file}`, (_request, response) => response.sendFile(join(files, file)));
}
