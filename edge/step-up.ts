/**
 * Sensitive changes want a second factor that was shown a moment ago: signing in with one, or `POST /v1/totp/step-up`,
 * gives an access token that says so for its life of 5 min (RFC 9470 has the idea). No store is asked about it.
 */
import { Failure } from '../shared/failure.ts';
import type { Caller } from './access.ts';
import type { Lookup } from './lookup.ts';
import type { TotpRecord } from './records.ts';
import type { Tags } from './tags.ts';
import { type Found, wantTotp } from './wants.ts';

/**
 * Lets a caller go on who has shown a second factor, or whose account has none; throws `step_up_required` otherwise, or
 * `unavailable`. One trip to the origin, which a route makes beside its own look-ups, and none after a step-up.
 */
export async function requireStepUp(
  caller: Caller,
  { lookup, tags, requestId }: { lookup: Lookup; tags: Tags; requestId: string },
): Promise<void> {
  if (caller.isSteppedUp) return;
  const { totp } = await lookup.inOrigin({ totp: await wantTotp(tags, caller.userId) }, requestId);
  checkStepUp(caller, totp);
}

/** The same for routes that have the origin's TOTP record already. */
export function checkStepUp({ isSteppedUp }: Caller, totp: Found<TotpRecord> | undefined): void {
  if (totp?.record.state === 'on' && !isSteppedUp) throw new Failure('step_up_required');
}
