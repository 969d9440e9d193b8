/** Links that carry an invitation to a channel, all of it behind `#`, which browsers never send to a server. */

export interface InvitationLink {
  readonly channelId: string;
  readonly invitation: string;
}

const LINK = /^#invitation\/([\w-]{22})\/([\w-]{1,2048}\.[\w-]{1,2048}\.[\w-]{1,2048})$/;

/** A link to this page of the application. */
export function invitationLink(page: string, { channelId, invitation }: InvitationLink): string {
  return `${page.replace(/#.*$/s, '')}#invitation/${channelId}/${invitation}`;
}

/** What a link carries, from all of it or what stands from its `#` on; undefined for anything else. */
export function readInvitationLink(text: string): InvitationLink | undefined {
  const at = text.indexOf('#');
  const [, channelId, invitation] = LINK.exec(at < 0 ? '' : text.slice(at).trim()) ?? [];
  return channelId === undefined || invitation === undefined ? undefined : { channelId, invitation };
}
