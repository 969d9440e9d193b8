/** The keys that reports are encrypted to: each device of who moderates tells its own, inside the encryption. */
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import type { JWK } from '../../../shared/token.ts';
import type { StoredConversation } from '../store/database.ts';
import type { KeysContent } from './content.ts';
import { DEVICES_MAX, roleOf } from './roles.ts';

/** What of a conversation this needs. */
interface Told {
  readonly info: { readonly value: StoredConversation };
  change(changes: Partial<StoredConversation>): Promise<void>;
  tell(content: KeysContent): Promise<void>;
}

/** This device's key for reports is known, where it moderates; it is told where it was not. */
export async function tellReportKey({ userId, client }: Messenger, conversation: Told): Promise<void> {
  const { value: info } = conversation.info;
  if (roleOf(info, userId) === 'member' || info.moderators?.[userId]?.[client.deviceId] !== undefined) return;
  const { deviceId } = client;
  const key = client.card.agreementKey;
  if (info.members.length > 1) await conversation.tell({ kind: 'keys', key });
  await learnReportKey(conversation, { userId, deviceId, key });
}

/** Takes the report key that a device of a moderator told; anybody else's counts for nothing. */
export async function learnReportKey(
  conversation: Told,
  { userId, deviceId, key }: { readonly userId: string; readonly deviceId: string; readonly key: JWK },
): Promise<void> {
  const { value: info } = conversation.info;
  const { moderators = {} } = info;
  const keys = moderators[userId] ?? {};
  if (roleOf(info, userId) === 'member' || Object.keys(keys).length >= DEVICES_MAX) return;
  await conversation.change({ moderators: { ...moderators, [userId]: { ...keys, [deviceId]: key } } });
}
