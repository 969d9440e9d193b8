/**
 * Invitations to a channel, as links that the edge signs: what one allows stands in it, and nothing of who made it. The origin
 * keeps a row of each, found by a keyed tag, until it is used up, revoked or over; without its row it opens nothing, and a row
 * opens nothing without it.
 */
import { Failure } from '../shared/failure.ts';
import { CHANNEL_INVITATION_USES_MAX, type MembersChange } from '../shared/internal/channels.ts';
import type { Signer, Verifier } from '../shared/token.ts';
import type { Clock } from './ports.ts';
import type { Tags } from './tags.ts';

export interface ChannelInvitationParts {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly tags: Tags;
  readonly clock: Clock;
}

export interface InvitationTerms {
  readonly channelId: string;
  /** Random, chosen by the client. */
  readonly id: string;
  readonly uses: number;
  /** Milliseconds since 1970; whole seconds. */
  readonly endsAtMs: number;
}

/** The invitation as a token. */
export function signInvitation(
  { channelId, id, uses, endsAtMs }: InvitationTerms,
  { signer, clock }: ChannelInvitationParts,
): Promise<string> {
  const claims = { jti: id, channel: channelId, uses: String(uses), until: String(endsAtMs / 1_000) };
  return signer.sign('channelInvitation', claims, clock.now());
}

/** What a use of it is counted by; `invitation_refused` for one that is not ours, for another channel, or past its end. */
export async function readInvitation(
  { channelId, token }: { readonly channelId: string; readonly token: string },
  { verifier, tags, clock }: ChannelInvitationParts,
): Promise<NonNullable<MembersChange['redeems']>> {
  const claims = await verifier.verify('channelInvitation', token, clock.now());
  if (claims === 'expired' || claims === 'refused' || claims.channel !== channelId)
    throw new Failure('invitation_refused');
  const uses = Number(claims.uses);
  const isUsable = Number.isInteger(uses) && uses >= 1 && uses <= CHANNEL_INVITATION_USES_MAX;
  if (!isUsable || !(clock.now() < Number(claims.until) * 1_000)) throw new Failure('invitation_refused');
  return { invitation: await tags.channelInvitation(channelId, claims.jti), uses };
}
