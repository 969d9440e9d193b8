import { Failure } from '../../shared/failure.ts';
import type { DoneFrame, RefreshFrame } from '../../shared/frame.ts';
import { admit } from '../admission.ts';
import type { Caller } from './caller.ts';

/**
 * Renews an open connection with a fresh ticket of the same session and device, and its grants. Throws
 * `ticket_refused` for a foreign one; the connection stays as it was then.
 */
export async function refresh(frame: RefreshFrame, caller: Caller): Promise<DoneFrame> {
  const ticket = await admit(frame.ticket, caller.ports);
  if (ticket.session !== caller.session || ticket.device !== caller.device)
    throw new Failure('ticket_refused');
  caller.renewed();
  if (frame.grants !== undefined) await takeGrants(frame.grants, caller);
  return { type: 'ok', ref: frame.ref };
}

/** Verifies a grant bundle and adds it to the connection's; throws `grant_refused` or `grant_expired`. */
export async function takeGrants(bundle: string, caller: Caller): Promise<void> {
  const { verifier, now } = caller.ports;
  const claims = await verifier.verify('grants', bundle, now());
  if (claims === 'refused') throw new Failure('grant_refused');
  if (claims === 'expired') throw new Failure('grant_expired');
  // A right or a channel that ended a moment ago may still be in a bundle that was signed before.
  const ended = claims.grants.flatMap(({ channel, right }) =>
    right === undefined ? [channel] : [channel, right],
  );
  if (caller.ports.revocations.has(...ended)) throw new Failure('grant_refused');
  caller.grants.add(claims, caller.session);
}
