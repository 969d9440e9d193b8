/** Tells of messages that come while nobody looks. Others may see the screen: never what was said. */
import type { Profile, StoredMessage } from '../store/database.ts';
import { wordsOf } from '../words/words.ts';
import type { Conversation } from './conversation.ts';

/** Asks the browser for leave; true when it is given. */
export async function allowNotifications(): Promise<boolean> {
  return 'Notification' in globalThis && (await Notification.requestPermission()) === 'granted';
}

export function notify(profile: Profile, conversation: Conversation, message: StoredMessage): void {
  const isWanted = profile.wantsNotifications === true && document.visibilityState === 'hidden';
  if (!isWanted || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const words = wordsOf(profile.language);
  const from = conversation.nameOf(message.userId) || words.somebody;
  const { namesInNotifications: isNamed = false } = profile;
  const shown = new Notification(isNamed ? words.newMessageFrom(from) : words.newMessage, {
    ...(isNamed ? { body: conversation.info.value.title } : {}),
    tag: conversation.channelId,
  });
  shown.addEventListener('click', () => globalThis.focus());
}
