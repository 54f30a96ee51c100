/** The page as it was built: a few files, kept in memory with their compressed forms. What is not among them is not served. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
import { hasCode } from '../../lib/errors/classes.ts';
import { stream, type Route } from '../../lib/http/route.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const ENCODINGS = ['br', 'gzip', 'identity'] as const;
const QUALITY = 9;

interface Asset {
  type: string;
  etag: string;
  /** True where the name has a digest of the content. */
  lasting: boolean;
  bodies: Record<(typeof ENCODINGS)[number], Buffer>;
}

/** `folder`: what Vite has made. */
export async function assetRoutes(folder: string): Promise<Route[]> {
  const assets = await load(folder);
  return [
    stream('get', '/', (request, response) => send(assets.get('/index.html'), request, response)),
    stream('get', '/*path', (request, response) => {
      const asset = assets.get(request.path);
      // Every other address is one of the page: it finds its way itself.
      if (asset || !extname(request.path) || !request.path.startsWith('/assets/')) {
        return send(asset ?? assets.get('/index.html'), request, response);
      }
      response.status(404).json({ code: 404, message: `path ${request.path} was not found` });
    }),
  ];
}

async function load(folder: string): Promise<Map<string, Asset>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const assets = new Map<string, Asset>();
  for (const entry of names.filter((one) => one.isFile())) {
    const path = `/${relative(folder, join(entry.parentPath, entry.name))}`;
    const content = await readFile(join(folder, path));
    assets.set(path, {
      type: types[extname(path)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`,
      lasting: path.startsWith('/assets/'),
      bodies: {
        identity: content,
        gzip: gzipSync(content),
        br: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }),
      },
    });
  }
  return assets;
}

function send(asset: Asset | undefined, request: Request, response: Response): void {
  if (!asset) {
    return void response.status(503).json({ code: 503, message: 'the page is not built yet: npm run build-page' });
  }
  response.set({
    etag: asset.etag,
    vary: 'accept-encoding',
    'cache-control': asset.lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.headers['if-none-match'] === asset.etag) return void response.status(304).end();
  const encoding = ENCODINGS.find((one) => request.acceptsEncodings(one)) ?? 'identity';
  if (encoding !== 'identity') response.set('content-encoding', encoding);
  response.set('content-type', asset.type).end(asset.bodies[encoding]);
}
