/** Links of this device, and letting in whoever asks with one. */
import { signal } from '@preact/signals';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { toFailure } from '../../../shared/failure.ts';
import type { Database, StoredInvitation, StoredRequest } from '../store/database.ts';
import type { Conversation } from './conversation.ts';
import { openRequest, requestedInvitation } from './invitation.ts';
import { createKey, keyId } from './secret-mail.ts';

export interface InvitationPorts {
  readonly database: Database;
  readonly find: (channelId: string) => Conversation | undefined;
}

const LIFE_MS = 7 * 24 * 60 * 60 * 1_000;

export class Invitations {
  /** Somebody is being let in. */
  readonly isAdmitting = signal(false);
  readonly #ports: InvitationPorts;
  #messenger: Messenger | undefined;

  constructor(ports: InvitationPorts) {
    this.#ports = ports;
  }

  use(messenger: Messenger | undefined): void {
    this.#messenger = messenger;
  }

  /** The link of a channel that works now, or a new one, which works for a week. */
  async current(channelId: string): Promise<StoredInvitation> {
    const held = await this.#ports.database.getAll('invitations');
    const living = held.find((one) => one.channelId === channelId && one.expiresAtMs > Date.now());
    return living ?? this.renew(channelId);
  }

  /** A new link in place of all earlier ones. */
  async renew(channelId: string): Promise<StoredInvitation> {
    await this.revoke(channelId);
    const key = createKey();
    const made = { id: await keyId(key), channelId, key, expiresAtMs: Date.now() + LIFE_MS };
    await this.#ports.database.put('invitations', made);
    return made;
  }

  async revoke(channelId: string): Promise<void> {
    const { database } = this.#ports;
    const held = await database.getAll('invitations');
    const own = held.filter((one) => one.channelId === channelId);
    await Promise.all(own.map(({ id }) => database.delete('invitations', id)));
  }

  /** Mail that is no Welcome: a request is kept until it is dealt with, so that nothing is lost when the page closes. */
  async take(mail: Uint8Array): Promise<void> {
    const { database } = this.#ports;
    const id = requestedInvitation(mail);
    const invitation = id === undefined ? undefined : await database.get('invitations', id);
    if (invitation === undefined || invitation.expiresAtMs < Date.now()) return;
    const request = await openRequest(invitation.key, mail);
    if (request === undefined || request.channelId !== invitation.channelId) return;
    await database.put('requests', request);
    this.admit();
  }

  /** Lets in, one after the other, who has asked; what cannot be done now is done with the next connection. */
  admit(): void {
    if (this.isAdmitting.value || this.#messenger === undefined) return;
    this.isAdmitting.value = true;
    this.#admitAll(this.#messenger)
      .catch(() => undefined) // Stays in the database, and is taken up again.
      .finally(() => {
        this.isAdmitting.value = false;
      });
  }

  async #admitAll(messenger: Messenger): Promise<void> {
    const { database, find } = this.#ports;
    const put = new Set<string>();
    for (;;) {
      const requests = await database.getAll('requests');
      const next = requests.find(({ channelId, userId }) => !put.has(channelId + userId));
      if (next === undefined) return;
      put.add(next.channelId + next.userId);
      const conversation = find(next.channelId);
      const isDone = conversation === undefined || (await this.#admitOne(messenger, conversation, next));
      if (isDone) await database.delete('requests', [next.channelId, next.userId]);
    }
  }

  /** True when there is nothing left to do: somebody is in, or must not be. */
  async #admitOne(
    messenger: Messenger,
    conversation: Conversation,
    { userId, name }: StoredRequest,
  ): Promise<boolean> {
    const { channel } = conversation;
    if (conversation.info.value.ended !== undefined) return true;
    if (channel === undefined) return false;
    try {
      const { names } = conversation.info.value;
      if (name !== '') await conversation.change({ names: { ...names, [userId]: name } });
      await messenger.channels.add(channel, [userId]);
      await conversation.introduce();
      return true;
    } catch (error) {
      return toFailure(error).retry === 'never';
    }
  }
}
