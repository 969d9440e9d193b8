/**
 * Who may be in a channel. The service enforces a ban without knowing whom it is about; that stands in a statement which
 * this device encrypts to itself. After the service has put somebody out, the group changes its keys as well.
 */
import { fromUtf8, utf8 } from '../../../shared/bytes.ts';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { decryptWith, encryptTo } from '../../../shared/jwe.ts';
import { type Database, readOwn } from '../store/database.ts';
import type { Conversation } from './conversation.ts';

/** A ban in force. Without a name it was placed by another device. */
export interface Banned {
  readonly ban: string;
  readonly userId?: string;
  readonly name?: string;
}

interface Place {
  readonly messenger: Messenger;
  readonly conversation: Conversation;
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
