/**
 * Who may make an account. `open`: whoever has a key. `invite`: whoever brings an invitation that an operator made; it is
 * signed by the edge, so making one stores nothing, and the origin counts its uses in the transaction that creates the
 * account. Operators sign up under either, because somebody must be the first.
 */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { INVITATION_USES_MAX, type InvitationUse } from '../shared/internal.ts';
import type { Signer, Verifier } from '../shared/token.ts';
import type { EdgeConfig } from './config.ts';
import { dayOf } from './days.ts';
import type { Operators } from './operators.ts';
import type { Clock } from './ports.ts';
import type { Tags } from './tags.ts';

export interface SignUpParts {
  readonly signUp: EdgeConfig['signUp'];
  readonly operators: Operators;
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly tags: Tags;
  readonly clock: Clock;
}

export interface SignUpPolicy {
  /**
   * What an account signs up with, undefined where it needs nothing. Throws `invitation_required` without an invitation,
   * `invitation_refused` for one that is not ours or has expired. Asks no store.
   */
  admit(userId: string, invitation: string | undefined): Promise<InvitationUse | undefined>;
  /** Makes an invitation for so many accounts; it ends with the life of its token. */
  invite(uses: number): Promise<string>;
}

export function createSignUpPolicy(parts: SignUpParts): SignUpPolicy {
  const { signUp, operators, signer, verifier, tags, clock } = parts;
  return {
    admit: async (userId, invitation) => {
      if (signUp === 'open' || operators.isOperator(userId)) return undefined;
      if (invitation === undefined) throw new Failure('invitation_required');
      const claims = await verifier.verify('invitation', invitation, clock.now());
      if (claims === 'expired') throw new Failure('invitation_refused', { detail: 'It has expired' });
      const uses = claims === 'refused' ? undefined : usesOf(claims.uses);
      if (claims === 'refused' || uses === undefined) throw new Failure('invitation_refused');
      return { invitation: await tags.invitation(claims.jti), uses, expiresOn: dayOf(claims.expiresAtMs) };
    },
    invite: (uses) => signer.sign('invitation', { jti: randomId(), uses: String(uses) }, clock.now()),
  };
}

function usesOf(text: string): number | undefined {
  const uses = Number(text);
  return Number.isInteger(uses) && uses >= 1 && uses <= INVITATION_USES_MAX ? uses : undefined;
}
