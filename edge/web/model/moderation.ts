/**
 * Who may be in a channel. The service enforces a ban without knowing whom it is about; that stands in a statement which
 * this device encrypts to itself. After the service has put somebody out, the group changes its keys as well.
 */
import { fromUtf8, utf8 } from '../../../shared/bytes.ts';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { Failure } from '../../../shared/failure.ts';
import { decryptWith, encryptTo } from '../../../shared/jwe.ts';
import { type Database, readOwn } from '../store/database.ts';
import type { Conversation } from './conversation.ts';
import { MODERATORS_MAX } from './roles.ts';

/** A ban in force. Without a name it was placed by another device. */
export interface Banned {
  readonly ban: string;
  readonly userId?: string;
  readonly name?: string;
}

export interface Place {
  readonly messenger: Messenger;
  readonly conversation: Conversation;
}

/** Gives or takes the role of a moderator, and tells the members. Throws as `Moderation.setRole`, and `conflict` for too many. */
export async function setModerator(
  { messenger, conversation }: Place,
  { userId, isModerator }: { readonly userId: string; readonly isModerator: boolean },
): Promise<void> {
  const { [userId]: keys = {}, ...others } = conversation.info.value.moderators ?? {};
  const moderators = isModerator ? { ...others, [userId]: keys } : others;
  if (Object.keys(moderators).length > MODERATORS_MAX) throw new Failure('conflict');
  const moderation = messenger.client.moderation(conversation.channelId);
  await moderation.setRole(userId, isModerator ? 'moderator' : 'member');
  await conversation.change({ moderators });
  await conversation.introduce();
}

/** Puts a member out, who may be let in again. */
export async function removeMember({ messenger, conversation }: Place, userId: string): Promise<void> {
  await messenger.client.moderation(conversation.channelId).remove(userId);
  await conversation.channel?.remove(userId);
}

/** Puts a person out and keeps them out. */
export async function banMember({ messenger, conversation }: Place, userId: string): Promise<void> {
  const { client } = messenger;
  const about = JSON.stringify({ userId, name: conversation.nameOf(userId) });
  const statement = await encryptTo(client.card.agreementKey, utf8(about));
  await client.moderation(conversation.channelId).ban({ userIds: [userId], statement });
  await conversation.channel?.remove(userId);
}

/** The first 200 bans in force. */
export async function listBans({ messenger, conversation }: Place, database: Database): Promise<Banned[]> {
  const { bans } = await messenger.client.moderation(conversation.channelId).bans();
  return Promise.all(
    bans.map(async ({ ban, statement }) => ({ ban, ...(await readStatement(statement, database)) })),
  );
}

/** Lifts a ban; with a link, that person may come in again. */
export async function liftBan({ messenger, conversation }: Place, userId: string): Promise<void> {
  await messenger.client.moderation(conversation.channelId).lift([userId]);
}

async function readStatement(
  statement: string | undefined,
  database: Database,
): Promise<Pick<Banned, 'userId' | 'name'>> {
  const device = await readOwn(database, 'device');
  if (statement === undefined || device === undefined) return {};
  try {
    const plaintext = await decryptWith(device.agreement.privateKey, statement);
    const { userId, name } = JSON.parse(fromUtf8(plaintext)) as Record<string, unknown>;
    return typeof userId === 'string' && typeof name === 'string' ? { userId, name } : {};
  } catch {
    return {}; // Another moderator's: nothing of it is for this device.
  }
}
