/** `/openapi.json`, and at `/docs` the page of swagger-ui that shows the document and tries its calls. */
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { openApiDocument, type DocumentInfo } from './openapi.ts';
import { stream, type Route } from './route.ts';

const require = createRequire(import.meta.url);
const files = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** swagger-ui writes styles of its own and draws its arrows as data; scripts are ours alone. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

const START = `window.onload = () => SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#page', deepLinking: true, tryItOutEnabled: true, displayRequestDuration: true
});
`;

const page = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="page"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Describes the given routes; \`/\` leads to the page. */
export function documentRoutes(routes: readonly Route[], info: DocumentInfo): Route[] {
  const document = openApiDocument(routes, info);
  const folder = join(require.resolve('swagger-ui-dist/package.json'), '..');
  return [
    stream('get', '/openapi.json', (_request, response) => void response.json(document)),
    stream('get', '/', (_request, response) => response.redirect('/docs')),
    stream('get', '/docs', (_request, response) => {
      response.set({ 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' });
      response.type('html').send(page(info.title));
    }),
    stream('get', '/docs/start.js', (_request, response) => void response.type('js').send(START)),
    stream('get', '/docs/:file', (request, response) => {
      const { file } = z.object({ file: z.enum(files) }).parse(request.params);
      response.sendFile(file, { root: folder, maxAge: '1 day' });
    }),
  ];
}
