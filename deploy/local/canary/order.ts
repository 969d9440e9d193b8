/** The part of the scenario that keeps order: bans, reports, invitations, blocks, and the ends of channels. */
import { utf8 } from '../../../shared/bytes.ts';
import type { Client } from '../../../shared/client/hushwire.ts';
import type { Message } from '../../../shared/client/reader.ts';
import { createReportKeys, sealReport } from '../../../shared/client/report.ts';
import { encryptTo } from '../../../shared/jwe.ts';

export const ORDER_TEXTS = {
  statement: 'canary plaintext of why somebody was banned',
  note: 'canary plaintext of why somebody was blocked',
  insult: 'canary plaintext of a message that is reported',
};

export interface People {
  readonly owner: Client;
  readonly member: Client;
  readonly stranger: Client;
}

/** Everything that a channel's owner may do, and what becomes of it. The channel is the owner's and the member's. */
export async function keepOrder({ owner, member, stranger }: People, channelId: string): Promise<void> {
  const keys = await createReportKeys();
  const moderation = owner.moderation(channelId);
  await report({ owner, member, stranger }, { channelId, to: keys.publicKey });
  const statement = await encryptTo(keys.publicKey, utf8(ORDER_TEXTS.statement));
  const until = new Date(Date.now() + 7 * 24 * 3_600_000).toISOString().slice(0, 10);
  await moderation.ban({ userIds: [member.userId], until, statement });
  await moderation.bans();
  await moderation.lift([member.userId]);
  await inviteAndOpen(owner, stranger);
  const note = await encryptTo(keys.publicKey, utf8(ORDER_TEXTS.note));
  await member.account.block(stranger.userId, note.split('.')[3]);
  await stranger.keys.lookUp([member.userId]);
  await member.account.blocks();
  await member.account.signOutOthers();
}

async function report(
  { owner, member }: People,
  { channelId, to }: { readonly channelId: string; readonly to: JsonWebKey },
): Promise<void> {
  const channel = member.channel(channelId);
  const heard = new Promise<Message>((resolve) => {
    const stop = channel.on('message', (message) => {
      if (message.text() !== ORDER_TEXTS.insult) return;
      stop();
      resolve(message);
    });
  });
  await owner.channel(channelId).publish(ORDER_TEXTS.insult);
  await sealReport(member.moderation(channelId), { message: await heard, to: [to] });
}

/** A channel that somebody enters by a link, that is opened and entered again, and that is deleted with what it holds. */
async function inviteAndOpen(owner: Client, stranger: Client): Promise<void> {
  const channelId = await owner.createChannel();
  const moderation = owner.moderation(channelId);
  const { invitation } = await moderation.invite({ uses: 2, lifeMs: 3_600_000 });
  await stranger.join(channelId, invitation);
  await moderation.setRole(stranger.userId, 'moderator');
  await stranger.moderation(channelId).leave();
  await moderation.setAccess('open');
  await stranger.join(channelId);
  await owner.channel(channelId).subscribe();
  await owner.channel(channelId).publish(ORDER_TEXTS.insult);
  await moderation.delete();
}
