import { createMiddleware } from 'hono/factory';
import { Failure } from '../shared/failure.ts';
import { LIMITS } from '../shared/limits.ts';
import type { Verifier } from '../shared/token.ts';
import type { Clock } from './ports.ts';
import type { SessionOwner } from './wants.ts';

/** Who is calling: the ids its access token vouches for. That the session still lives is the route's to check. */
export type Caller = SessionOwner;

/** What middleware leaves for the routes. */
export interface EdgeEnv {
  Variables: { requestId: string };
}
export interface CallerEnv {
  Variables: EdgeEnv['Variables'] & { caller: Caller };
}

export interface AccessParts {
  readonly verifier: Verifier;
  readonly clock: Clock;
}

const BEARER = /^Bearer ([A-Za-z0-9_.-]+)$/i;

/** Reads who is calling from the bearer token (RFC 6750 §2.1); throws `token_refused`. No store is asked. */
export async function readCaller(authorization: string | undefined, parts: AccessParts): Promise<Caller> {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined || token.length > LIMITS.tokenChars) throw new Failure('token_refused');
  const claims = await parts.verifier.verify('access', token, parts.clock.now());
  if (claims === 'expired') throw new Failure('token_refused', { detail: 'The access token has expired' });
  if (claims === 'refused') throw new Failure('token_refused');
  return { userId: claims.sub, deviceId: claims.device, sessionId: claims.sid };
}

/** Lets only requests with a valid access token pass. */
export function requireCaller(parts: AccessParts) {
  return createMiddleware<CallerEnv>(async (c, next) => {
    c.set('caller', await readCaller(c.req.header('authorization'), parts));
    await next();
  });
}
