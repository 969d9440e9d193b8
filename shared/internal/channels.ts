/** Channels, their members and invitations (calls.ts). */
import type { Tag } from '../frame.ts';
import type { BanRow } from './bans.ts';
import type { Day, Sealed } from './records.ts';

export interface NewChannel {
  readonly channel: Tag;
  readonly sealed: Sealed;
  readonly createdOn: Day;
  readonly owner: { readonly member: Tag; readonly sealed: Sealed };
}
export interface NewMember {
  readonly channel: Tag;
  readonly member: Tag;
  readonly sealed: Sealed;
}
/** One membership as it shall be; `version` is the one after what is stored, 1 where nothing is. */
export interface MemberChange {
  readonly member: Tag;
  readonly sealed: Sealed;
  readonly version: number;
  /** The right that ends with the change, at live sockets too. */
  readonly revokes?: Tag;
}
/** All or nothing. */
export interface MembersChange {
  readonly channel: Tag;
  readonly members: readonly MemberChange[];
  readonly bans?: readonly BanRow[];
  readonly lifted?: readonly Tag[];
  /** Bans in force that forbid the change. */
  readonly unless?: readonly Tag[];
  /** The change is one use of this invitation, which may have so many; it is counted with the change. */
  readonly redeems?: { readonly invitation: Tag; readonly uses: number };
}
/**
 * `stale`: a record was changed meanwhile; `barred`: one of `unless` is in force; `refused`: the invitation lets nobody in, or
 * nobody any more; `missing`: there is no such channel.
 */
export interface MembersChanged {
  readonly result: 'changed' | 'stale' | 'barred' | 'refused' | 'missing';
}
/** The end of a channel: members, invitations, log; bans in force stay. Its tag is revoked, so that no grant opens it again. */
export interface ChannelDeletion {
  readonly channel: Tag;
}
/** Most members whose tags are answered; copies of further ones go by themselves, three days later at the latest. */
export const DELETED_MEMBERS_MAX = 4_000;
/** `missing`: there is no such channel, or not any more. */
export interface ChannelDeleted {
  readonly result: 'deleted' | 'missing';
  /** Those who were its members. */
  readonly members: readonly Tag[];
}
/** An invitation to a channel, which lets people in until it is used up, revoked, or its last day has passed. */
export type ChannelInvitationChange = { readonly channel: Tag; readonly invitation: Tag } & (
  | { readonly what: 'make'; readonly uses: number; readonly expiresOn: Day }
  | { readonly what: 'revoke' }
);
/** Made or revoked before counts as `changed`. `full`: the channel has CHANNEL_INVITATIONS_MAX; `missing`: there is no such channel. */
export interface ChannelInvitationChanged {
  readonly result: 'changed' | 'full' | 'missing';
}
export interface ChannelInvitationsRequest {
  readonly channel: Tag;
}
/** Those that let people in, by tag. */
export interface ChannelInvitations {
  readonly invitations: readonly ChannelInvitation[];
}
export interface ChannelInvitation {
  readonly invitation: Tag;
  readonly uses: number;
  /** How many it has let in. */
  readonly used: number;
  readonly expiresOn: Day;
}
/** Most invitations of one channel at a time. */
export const CHANNEL_INVITATIONS_MAX = 100;
/** Most people one of them may let in. */
export const CHANNEL_INVITATION_USES_MAX = 1_000;
