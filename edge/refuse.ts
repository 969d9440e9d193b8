import type { Context, Hono } from 'hono';
import { Failure } from '../shared/failure.ts';
import type { EdgeEnv } from './access.ts';

/**
 * What answers a request no route has taken: `method_not_allowed` with `Allow` (RFC 9110 §15.5.6) when the path exists
 * under another method, `not_found` otherwise. The routes are read from the app itself, so they cannot differ from it.
 */
export function refuseUnknown(app: Hono<EdgeEnv>) {
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, matches: matcherOf(path) }));
  return (c: Context<EdgeEnv>): never => {
    const path = new URL(c.req.url).pathname;
    const methods = new Set(routes.filter(({ matches }) => matches.test(path)).map(({ method }) => method));
    if (methods.size === 0) throw new Failure('not_found');
    if (methods.has('GET')) methods.add('HEAD');
    c.header('allow', [...methods].sort().join(', '));
    throw new Failure('method_not_allowed');
  };
}

/** A route's pattern as a regular expression; our paths hold nothing but literals and `:name`. */
function matcherOf(pattern: string): RegExp {
  const source = pattern
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll('.', '\\.')))
    .join('/');
  return new RegExp(`^${source}$`);
}
