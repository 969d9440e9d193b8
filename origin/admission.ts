import { Failure } from '../shared/failure.ts';
import { LIMITS } from '../shared/limits.ts';
import { type TicketClaims, TOKEN_KINDS, type Verifier } from '../shared/token.ts';
import type { Redemptions } from './ports.ts';
import type { Revocations } from './revocations.ts';

export interface AdmissionPorts {
  readonly verifier: Verifier;
  readonly redemptions: Redemptions;
  readonly revocations: Pick<Revocations, 'has'>;
  readonly now: () => number;
}

/** What a connection keeps of its ticket, for as long as it lives. */
export type Admitted = Pick<TicketClaims, 'session' | 'device' | 'mailbox' | 'sender'>;

/** How long a redeemed ticket is remembered: twice its life, so that no clock difference revives it. */
const REMEMBER_SECONDS = TOKEN_KINDS.ticket.lifeSeconds * 2;

/**
 * Verifies a ticket and redeems it. Throws `ticket_refused`, `ticket_expired`, `ticket_used`, `session_ended` when its
 * session or device was revoked, or `unavailable` when redemption cannot be checked: access is decided here, so it fails
 * closed.
 */
export async function admit(ticket: string | undefined, ports: AdmissionPorts): Promise<Admitted> {
  if (ticket === undefined || ticket.length > LIMITS.tokenChars) throw new Failure('ticket_refused');
  const claims = await ports.verifier.verify('ticket', ticket, ports.now());
  if (claims === 'refused') throw new Failure('ticket_refused');
  if (claims === 'expired') throw new Failure('ticket_expired');
  if (!(await ports.redemptions.redeem(claims.jti, REMEMBER_SECONDS))) throw new Failure('ticket_used');
  // Last, and after the only wait: whoever is let in is found by every revocation that comes from now on.
  if (ports.revocations.has(claims.session, claims.device)) throw new Failure('session_ended');
  const { session, device, mailbox, sender } = claims;
  return { session, device, mailbox, ...(sender === undefined ? {} : { sender }) };
}
