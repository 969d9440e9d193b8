import { createMiddleware } from 'hono/factory';
import type { EdgeEnv } from './access.ts';
import { prefixOf } from './address.ts';
import { dayOf } from './days.ts';
import type { LimitName } from './limits.ts';
import type { Clock } from './ports.ts';
import type { Tags } from './tags.ts';
import type { Throttle } from './throttle.ts';

export interface ThrottleCallsParts {
  readonly throttle: Throttle;
  readonly tags: Tags;
  readonly clock: Clock;
}

/** Calls that end in a signature being checked, before which nothing is known of the caller. */
const PROOFS = ['/v1/sessions', '/v1/sessions/renew', '/v1/devices', '/v1/recovery/permit', '/v1/recovery'];

/**
 * Draws on the budget of the caller's address, and refuses in the end what its budgets do not allow, whatever the route
 * would have answered. A call whose address cannot be told has no such budget; the entry sees to it that there is one.
 */
export function throttleCalls({ throttle, tags, clock }: ThrottleCallsParts) {
  return createMiddleware<EdgeEnv>(async (c, next) => {
    const requestId = c.get('requestId');
    const address = c.env?.address;
    if (address !== undefined)
      throttle.draw(requestId, nameOf(c.req), tags.address(prefixOf(address), dayOf(clock.now())));
    try {
      await next();
      await throttle.pass(requestId);
    } finally {
      throttle.forget(requestId);
    }
  });
}

function nameOf({ method, path }: { readonly method: string; readonly path: string }): LimitName {
  if (method !== 'POST') return 'address';
  if (path === '/v1/accounts') return 'signUp';
  return PROOFS.includes(path) ? 'proof' : 'address';
}
