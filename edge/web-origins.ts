import { createMiddleware } from 'hono/factory';
import { Failure } from '../shared/failure.ts';
import type { EdgeEnv } from './access.ts';

/** Whether a request with this Origin header may pass; without one it comes from no web page. */
export type AllowsOrigin = (origin: string | undefined) => boolean;

export interface WebOriginConfig {
  readonly publicUrl: string;
  readonly webOrigins: readonly string[];
}

/** Exact match against the edge's own web origin and the configured ones; closed for everybody else. */
export function allowOrigins({ publicUrl, webOrigins }: WebOriginConfig): AllowsOrigin {
  const allowed = new Set([publicUrl, ...webOrigins]);
  return (origin) => origin === undefined || allowed.has(origin);
}

/** How long a browser may remember the answer to a preflight; Chromium's own cap is two hours. */
const PREFLIGHT_SECONDS = '600';

/**
 * CORS (WHATWG Fetch, "CORS protocol"), closed by default: pages of other web origins are refused with
 * `origin_not_allowed` before anything else happens. No credentials mode: there are no cookies.
 */
export function guardWebOrigins(allows: AllowsOrigin) {
  return createMiddleware<EdgeEnv>(async (c, next) => {
    const origin = c.req.header('origin');
    c.header('vary', 'Origin');
    if (!allows(origin)) throw new Failure('origin_not_allowed');
    if (origin !== undefined) {
      c.header('access-control-allow-origin', origin);
      c.header('access-control-expose-headers', 'x-request-id, retry-after');
    }
    const isPreflight =
      c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined;
    if (origin === undefined || !isPreflight) return next();
    c.header('access-control-allow-methods', 'GET, POST, PUT, DELETE');
    c.header('access-control-allow-headers', 'authorization, content-type');
    c.header('access-control-max-age', PREFLIGHT_SECONDS);
    return c.body(null, 204);
  });
}
