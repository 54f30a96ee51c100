/** A service under test that answers as carts of sockshop does, unless it is told to do otherwise; and its JMeter plans. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Carts {
  url: string;
  asked: Asked[];
  /** Answers in the place of carts; what gives false is left to carts. */
  instead: (asked: Asked, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

export async function startCarts(): Promise<Carts> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const asked = { method, url, headers, body: Buffer.concat(chunks).toString() };
      carts.asked.push(asked);
      if (!carts.instead(asked, response)) response.writeHead(statusOf(asked)).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const carts: Carts = {
    url: `http://127.0.0.1:${port}`,
    asked: [],
    instead: () => false,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return carts;
}

function statusOf({ method, url, body }: Asked): number {
  const { pathname } = new URL(url, 'http://carts');
  if (method === 'GET' && pathname === '/health') return 200;
  if (method === 'DELETE' && /^\/carts\/[\w-]+$/.test(pathname)) return 202;
  if (!/^\/carts\/[\w-]+\/items$/.test(pathname)) return 404;
  if (method === 'GET') return 200;
  return method === 'POST' && body.includes('itemId') ? 201 : 400;
}

const resource = z.object({ spec: z.object({ uri: z.string(), text: z.string() }) });

/** By their uri. */
export async function sockshopPlans(): Promise<Map<string, string>> {
  const text = await readFile(new URL('../../examples/sockshop/carts-tests.yaml', import.meta.url), 'utf8');
  const resources = parseAllDocuments(text).map((document) => resource.parse(document.toJS()).spec);
  return new Map(resources.map(({ uri, text: plan }) => [uri, plan]));
}
