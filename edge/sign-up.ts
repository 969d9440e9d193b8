/**
 * Who may make an account. `open`: whoever has a key. `invite`: whoever brings an invitation that an operator made; it is
 * signed by the edge, so making one stores nothing, and the origin counts its uses in the transaction that creates the
 * account. `oidc`: whom a configured issuer vouches for; user ids follow from its subjects, so that each has one account.
 * Operators sign up under any of them, because somebody must be the first.
 */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { INVITATION_USES_MAX, type InvitationUse } from '../shared/internal/accounts.ts';
import type { Signer, Verifier } from '../shared/token.ts';
import type { EdgeConfig } from './config.ts';
import { dayOf } from './days.ts';
import type { Operators } from './operators.ts';
import type { Clock, IdTokens } from './ports.ts';
import type { Tags } from './tags.ts';

/** What somebody brings to sign up. */
export interface Brought {
  readonly deviceId: string;
  readonly invitation?: string | undefined;
  readonly idToken?: string | undefined;
}
/** As whom they sign up, and what of the policy's is used up by it. */
export interface Admitted {
  readonly userId: string;
  readonly invitation?: InvitationUse;
}

export interface SignUpParts {
  readonly signUp: EdgeConfig['signUp'];
  readonly operators: Operators;
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly tags: Tags;
  readonly clock: Clock;
  readonly idTokens?: IdTokens | undefined;
}

export interface SignUpPolicy {
  /**
   * Lets in whoever holds the key of this device, or throws. `invite`: `invitation_required` without an invitation,
   * `invitation_refused` for one that is not ours or has expired. `oidc`: `id_token_required`, `id_token_refused`, or
   * `unavailable` while the issuer cannot be asked for its keys. Asks no store.
   */
  admit(brought: Brought): Promise<Admitted>;
  /** Makes an invitation for so many accounts; it ends with the life of its token. */
  invite(uses: number): Promise<string>;
}

export function createSignUpPolicy(parts: SignUpParts): SignUpPolicy {
  const { signUp, operators, signer, tags, clock } = parts;
  return {
    admit: async (brought) => {
      const userId = await tags.userId(brought.deviceId);
      if (signUp === 'open' || operators.isOperator(userId)) return { userId };
      if (signUp === 'oidc') return { userId: await vouchedFor(brought, parts) };
      return { userId, invitation: await invited(brought, parts) };
    },
    invite: (uses) => signer.sign('invitation', { jti: randomId(), uses: String(uses) }, clock.now()),
  };
}

async function invited(
  { invitation }: Brought,
  { verifier, tags, clock }: SignUpParts,
): Promise<InvitationUse> {
  if (invitation === undefined) throw new Failure('invitation_required');
  const claims = await verifier.verify('invitation', invitation, clock.now());
  if (claims === 'expired') throw new Failure('invitation_refused', { detail: 'It has expired' });
  const uses = claims === 'refused' ? undefined : usesOf(claims.uses);
  if (claims === 'refused' || uses === undefined) throw new Failure('invitation_refused');
  return { invitation: await tags.invitation(claims.jti), uses, expiresOn: dayOf(claims.expiresAtMs) };
}

/**
 * The nonce must be the id of the device, so that a token is good for the one key it was asked for with: whoever gets
 * hold of it later can make nothing of it.
 */
async function vouchedFor(
  { idToken, deviceId }: Brought,
  { idTokens, tags, clock }: SignUpParts,
): Promise<string> {
  if (idToken === undefined) throw new Failure('id_token_required');
  const about = await idTokens?.verify(idToken, { nonce: deviceId, nowMs: clock.now() });
  if (about === undefined || about === 'refused') throw new Failure('id_token_refused');
  return tags.subjectUserId(about.issuer, about.subject);
}

function usesOf(text: string): number | undefined {
  const uses = Number(text);
  return Number.isInteger(uses) && uses >= 1 && uses <= INVITATION_USES_MAX ? uses : undefined;
}
