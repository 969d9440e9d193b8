/** All conversations of this device: made, joined by a link, opened whenever there is a connection. */
import { computed, signal } from '@preact/signals';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { Failure, toFailure } from '../../../shared/failure.ts';
import type { FailureCode } from '../../../shared/failures.ts';
import type { StoredConversation } from '../store/database.ts';
import { NAME_MAX } from './content.ts';
import { Conversation, type ConversationPorts } from './conversation.ts';
import type { InvitationLink } from './invitation.ts';
import { Invitations } from './invitations.ts';
import { Reports } from './reports.ts';
import { Siblings, type ToldChannel } from './siblings.ts';

export class Conversations {
  readonly all = signal<readonly Conversation[]>([]);
  readonly sorted = computed(() =>
    [...this.all.value].sort((a, b) => b.info.value.lastAtMs - a.info.value.lastAtMs),
  );
  readonly selectedId = signal<string | undefined>(undefined);
  readonly selected = computed(() =>
    this.all.value.find(({ channelId }) => channelId === this.selectedId.value),
  );
  readonly unread = computed(() => this.all.value.reduce((sum, { info }) => sum + info.value.unread, 0));
  readonly invitations: Invitations;
  readonly reports: Reports;
  readonly siblings: Siblings;
  readonly #ports: ConversationPorts;
  #messenger: Messenger | undefined;

  constructor(ports: ConversationPorts) {
    this.#ports = ports;
    this.invitations = new Invitations({
      database: ports.database,
      find: (channelId) => this.find(channelId),
    });
    this.reports = new Reports({ database: ports.database, conversations: () => this.all.value });
    this.siblings = new Siblings({
      database: ports.database,
      conversations: () => this.all.value,
      name: () => ports.profile().name,
      adopt: async ({ name, channels }) => {
        if (ports.profile().name === '') await ports.rename(name);
        for (const told of channels) await this.#adopt(told);
      },
    });
  }

  find(channelId: string): Conversation | undefined {
    return this.all.value.find((conversation) => conversation.channelId === channelId);
  }

  async load(): Promise<void> {
    const stored = await this.#ports.database.getAll('conversations');
    this.all.value = stored.map((one) => new Conversation(one, this.#ports));
    await Promise.all([this.reports.load(), ...this.all.value.map(({ timeline }) => timeline.more())]);
  }

  /** There is a signed-in device: everything is opened. */
  use(messenger: Messenger): void {
    this.#messenger = messenger;
    messenger.on('fault', ({ channelId, failure }) => void this.#lost(channelId, failure.code));
    messenger.on('invited', ({ channelId }) => void this.#invited(channelId));
    for (const conversation of this.all.value) this.#open(conversation);
    this.invitations.use(messenger);
    this.reports.use(messenger);
    this.siblings.use(messenger);
  }

  leaveConnection(): void {
    this.#messenger = undefined;
    this.invitations.use(undefined);
    this.reports.use(undefined);
    this.siblings.use(undefined);
    for (const conversation of this.all.value) conversation.close();
  }

  /** Mail that no group is for. */
  async takeMail(mail: Uint8Array): Promise<void> {
    await this.invitations.take(mail);
    await this.reports.take(mail);
    await this.siblings.take(mail);
  }

  /** A new channel with nobody in it but its maker. Throws as `Channels.create`. */
  async create(title: string): Promise<Conversation> {
    const messenger = this.#signedIn();
    const { channelId } = await messenger.channels.create([]);
    const { userId } = messenger;
    const made = { ...empty(channelId, userId), title: title.slice(0, NAME_MAX), members: [userId] };
    return this.#add(made);
  }

  /** Asks the maker of a link to be let in; resolves at once. */
  async join({ channelId, ownerId, key }: InvitationLink): Promise<Conversation> {
    const known = this.find(channelId);
    const pending = { key, isAsked: false };
    if (known === undefined) return this.#add({ ...empty(channelId, ownerId), pending });
    const isIn = known.info.value.ended === undefined && known.info.value.pending === undefined;
    this.selectedId.value = channelId;
    if (isIn) return known;
    const { ended, ...info } = known.info.value;
    known.info.value = { ...info, pending };
    await known.change({});
    if (ended !== undefined) await this.#messenger?.channels.forget(channelId);
    known.close();
    this.#open(known);
    return known;
  }

  /** Leaves a channel, or drops what is left of one, with everything that was said here. */
  async leave(conversation: Conversation): Promise<void> {
    const { channelId } = conversation;
    const { ended, pending } = conversation.info.value;
    if (ended === undefined && pending === undefined) {
      const { client } = this.#signedIn();
      await conversation.tell({ kind: 'bye' });
      await client.moderation(channelId).leave();
    }
    conversation.close();
    await this.#messenger?.channels.forget(channelId);
    this.all.value = this.all.value.filter((other) => other !== conversation);
    if (this.selectedId.value === channelId) this.selectedId.value = undefined;
    await this.reports.drop(channelId);
    const { database } = this.#ports;
    await database.delete('conversations', channelId);
    const range = IDBKeyRange.bound([channelId, 0, 0], [channelId, Number.MAX_VALUE, Number.MAX_VALUE]);
    const keys = await database.getAllKeysFromIndex('messages', 'byPlace', range);
    await Promise.all(keys.map((key) => database.delete('messages', key)));
  }

  async #add(stored: StoredConversation): Promise<Conversation> {
    const conversation = new Conversation(stored, this.#ports);
    await conversation.change({});
    this.all.value = [...this.all.value, conversation];
    this.selectedId.value = conversation.channelId;
    this.siblings.tell(conversation).catch(() => undefined); // They learn it with what is said to them next.
    this.#open(conversation);
    return conversation;
  }

  /** A channel that another device of this account is in: opened as soon as this one is let in as well. */
  async #adopt({ channelId, ownerId, title }: ToldChannel): Promise<void> {
    if (this.find(channelId) !== undefined) return;
    const conversation = new Conversation({ ...empty(channelId, ownerId), title }, this.#ports);
    await conversation.change({});
    this.all.value = [...this.all.value, conversation];
    this.#open(conversation);
  }

  #open(conversation: Conversation): void {
    if (this.#messenger === undefined || conversation.info.value.ended !== undefined) return;
    conversation.open(this.#messenger).then(
      () => this.invitations.admit(),
      (error) => this.#lost(conversation.channelId, toFailure(error).code),
    );
  }

  /** What reading was refused with ends a conversation; anything else is over with the connection. */
  async #lost(channelId: string, code: FailureCode): Promise<void> {
    const conversation = this.find(channelId);
    if (conversation === undefined || !ENDINGS.includes(code)) return;
    await conversation.end(code);
    await this.#messenger?.channels.forget(channelId);
  }

  /** Anybody may invite anybody; only what was asked for is entered, here or on another device, which then tells. */
  async #invited(channelId: string): Promise<void> {
    const conversation = this.find(channelId);
    if (conversation?.state.value === 'away') return this.#open(conversation);
    if (conversation !== undefined || (await this.siblings.areThere())) return;
    await this.#messenger?.channels.forget(channelId);
  }

  #signedIn(): Messenger {
    if (this.#messenger === undefined) throw new Failure('unavailable');
    return this.#messenger;
  }
}

/** Codes after which this account has no business in a channel. */
const ENDINGS: readonly FailureCode[] = ['not_a_member', 'forbidden', 'not_found'];

function empty(channelId: string, ownerId: string): StoredConversation {
  const lists = { names: {}, members: [], marks: {} };
  return {
    channelId,
    ownerId,
    title: '',
    ...lists,
    unread: 0,
    lastAtMs: Date.now(),
    preview: '',
    epoch: '',
    base: 0,
  };
}
