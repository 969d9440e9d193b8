import { type Context, Hono } from 'hono';
import { Failure } from '../../shared/failure.ts';
import type { EdgeEnv } from '../access.ts';
import type { Nodes, WebFile, WebFiles } from '../ports.ts';

export interface WebParts {
  readonly web: WebFiles;
  readonly nodes: Nodes;
}

const PAGE = 'page.html';
/** The names of these files change with their content. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * The web messenger: its page at `/`, and what it loads below `/app/`. The page may load its own files and nothing else, and
 * connect to this edge and the nodes there are; to one that joins later it goes through the edge.
 */
export function webRoutes({ web, nodes }: WebParts) {
  return new Hono<EdgeEnv>()
    .get('/', async (c) => {
      const sockets = await socketsOf(nodes, c.get('requestId'));
      for (const [name, value] of Object.entries(pageHeaders(sockets))) c.header(name, value);
      return answer(c, web.get(PAGE));
    })
    .get('/app/:name', (c) => {
      const name = c.req.param('name');
      const found = name === PAGE ? undefined : web.get(name);
      if (found !== undefined) c.header('cache-control', FOR_EVER);
      return answer(c, found);
    });
}

function answer(c: Context<EdgeEnv>, file: WebFile | undefined): Response {
  if (file === undefined) throw new Failure('not_found');
  c.header('content-type', file.type);
  c.header('vary', 'Accept-Encoding', { append: true });
  c.header('cross-origin-resource-policy', 'same-origin');
  const takesGzip = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (takesGzip) c.header('content-encoding', 'gzip');
  return c.body(takesGzip ? file.gzip : file.body, 200);
}

/** Where the nodes are; nowhere while that is not known, and then sockets go through the edge. */
async function socketsOf(nodes: Nodes, requestId: string): Promise<readonly string[]> {
  try {
    return (await nodes.list(requestId)).map(({ url }) => new URL(url).origin);
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

/** Content Security Policy Level 3, and what else keeps a page to itself. */
function pageHeaders(sockets: readonly string[]): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${["'self'", ...new Set(sockets)].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'no-referrer',
  };
}
