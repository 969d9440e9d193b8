import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { Failure } from '../shared/failure.ts';
import { LIMITS } from '../shared/limits.ts';
import type { Verifier } from '../shared/token.ts';
import type { LimitName } from './limits.ts';
import type { Clock } from './ports.ts';
import type { Tags } from './tags.ts';
import type { Throttle } from './throttle.ts';
import type { SessionOwner } from './wants.ts';

/** Who is calling: the ids its access token vouches for. That the session still lives is the route's to check. */
export interface Caller extends SessionOwner {
  /** Whether a second factor was shown for this very token, at most its life ago (RFC 9470 calls this step-up). */
  readonly isSteppedUp: boolean;
  /** The token lets its bearer set up a second factor, which the policy requires, and nothing else. */
  readonly mustEnrol: boolean;
}

/** What the server leaves for the app, and middleware for the routes. */
export interface EdgeEnv {
  /** Address of the client, as far as the server can tell. */
  Bindings: { address?: string | undefined };
  Variables: { requestId: string };
}
export interface CallerEnv {
  Bindings: EdgeEnv['Bindings'];
  Variables: EdgeEnv['Variables'] & { caller: Caller };
}

export interface AccessParts {
  readonly verifier: Verifier;
  readonly clock: Clock;
}
export interface CallerParts extends AccessParts {
  readonly throttle: Throttle;
  readonly tags: Tags;
}

/** Where tickets and grants come from; its budget is its own. */
export const CONNECT_PATH = '/v1/connect';
/** What backends call, more often than any person would. */
const BUDGET_OF_PATH: Readonly<Record<string, LimitName>> = {
  [CONNECT_PATH]: 'connect',
  '/v1/mailboxes/items': 'mail',
  '/v1/keys/lookup': 'lookup',
  '/v1/keys/history': 'lookup',
};
const SERVICE_PATH = /^\/v1\/channels\/[^/]+\/(?:messages|presence)$/;

const BEARER = /^Bearer ([A-Za-z0-9_.-]+)$/i;

/** Reads who is calling from the bearer token (RFC 6750 §2.1); throws `token_refused`. No store is asked. */
export async function readCaller(authorization: string | undefined, parts: AccessParts): Promise<Caller> {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined || token.length > LIMITS.tokenChars) throw new Failure('token_refused');
  const claims = await parts.verifier.verify('access', token, parts.clock.now());
  if (claims === 'expired') throw new Failure('token_refused', { detail: 'The access token has expired' });
  if (claims === 'refused') throw new Failure('token_refused');
  const { sub: userId, device: deviceId, sid: sessionId, factor } = claims;
  return {
    userId,
    deviceId,
    sessionId,
    isSteppedUp: factor === 'fresh',
    mustEnrol: factor !== undefined && factor !== 'fresh',
  };
}

/** Lets only requests with a valid access token pass; `second_factor_required` for one that is good for enrolment only. */
export function requireCaller(parts: CallerParts) {
  return createMiddleware<CallerEnv>(async (c, next) => {
    const caller = await readCaller(c.req.header('authorization'), parts);
    if (caller.mustEnrol) throw new Failure('second_factor_required');
    drawOnBudgets(c, caller, parts);
    c.set('caller', caller);
    await next();
  });
}

/** The same for the routes that set up a second factor: a token for enrolment passes as well. */
export function requireEnroller(parts: CallerParts) {
  return createMiddleware<CallerEnv>(async (c, next) => {
    const caller = await readCaller(c.req.header('authorization'), parts);
    drawOnBudgets(c, caller, parts);
    c.set('caller', caller);
    await next();
  });
}

/** Only now: whoever holds the token has proved to be the device, so nobody else uses up what is its own. */
function drawOnBudgets(c: Context<CallerEnv>, caller: Caller, { throttle, tags }: CallerParts): void {
  const requestId = c.get('requestId');
  const { method, path } = c.req;
  if (SERVICE_PATH.test(path)) return throttle.draw(requestId, 'service', tags.account(caller.userId));
  throttle.draw(requestId, 'device', tags.device(caller.userId, caller.deviceId));
  if (method === 'GET' || method === 'DELETE') return;
  const name = BUDGET_OF_PATH[path] ?? 'write';
  throttle.draw(requestId, name, tags.account(caller.userId));
}
