/**
 * One channel whose messages are those of an MLS group. The channel's log is the order in which commits count: a commit
 * is published on the condition that no other one came before it (`ifCommit`), and takes effect, for its sender too,
 * when it comes back in the log. Whoever lost takes in the winner and tries again.
 *
 * What a step leads to is stored before anything of it leaves this device, and before the application hears of it.
 */
import { equalBytes, randomId, utf8 } from '../../bytes.ts';
import { Failure, isFailure } from '../../failure.ts';
import type { Tag } from '../../frame.ts';
import type { Position } from '../../position.ts';
import type { Channel } from '../channel.ts';
import { commit } from '../commitment.ts';
import { Emitter } from '../emitter.ts';
import { INBOX_MAX_ITEMS, Inbox } from '../inbox.ts';
import type { Published } from '../outbox.ts';
import type { Presence } from '../presence.ts';
import type { Message } from '../reader.ts';
import { Ephemerals } from './ephemeral.ts';
import { Group, type Received } from './group.ts';
import type { Roster } from './roster.ts';
import {
  contextOf,
  messageOf,
  numbered,
  numberOf,
  type SecureChannelEvents,
  type SecureMessage,
} from './secure-message.ts';
import { type ChannelRecord, type GroupStore, type Invitation, pack, saveChannel } from './store.ts';
import type { MemberDevice } from './suite.ts';

export interface SecureChannelPorts {
  readonly channel: Channel;
  readonly store: GroupStore;
  readonly roster: Roster;
  readonly invite: (invitation: Invitation) => Promise<void>;
  /** What ended reading, when it was not `close()`. */
  readonly onFault: (failure: unknown) => void;
}

/** Tries to be the one whose commit counts. */
const COMMIT_TRIES = 8;

export class SecureChannel {
  readonly channelId: string;
  readonly #ports: SecureChannelPorts;
  readonly #emitter = new Emitter<SecureChannelEvents>();
  readonly #inboxes = new Set<Inbox<SecureMessage>>();
  /** What came before anybody read. */
  #backlog: SecureMessage[] | undefined = [];
  readonly #ephemerals: Ephemerals;
  #isHidden: (from: Tag) => boolean = () => false;
  #record: ChannelRecord;
  #group: Group;
  /** One step at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #lastCommit: Promise<unknown> = Promise.resolve();
  #waiting: (() => void)[] = [];
  #reading: Promise<void> | undefined;
  #hasEnded = false;

  constructor(record: ChannelRecord, ports: SecureChannelPorts) {
    this.channelId = ports.channel.channelId;
    this.#ports = ports;
    this.#record = record;
    this.#group = Group.decode(record.group, ports.roster.verify);
    this.#ephemerals = new Ephemerals({
      channel: ports.channel,
      secret: (label) => this.secret(label),
      onEphemeral: (event) => {
        if (!this.#isHidden(event.from)) this.#emitter.emit('ephemeral', event);
      },
    });
  }

  get members(): readonly MemberDevice[] {
    return this.#group.members;
  }
  get isMember(): boolean {
    return this.#group.isMember;
  }

  /** Reads from where this device was, and goes on with a change that a restart interrupted. */
  async open(): Promise<void> {
    const { channel } = this.#ports;
    channel.on('gap', ({ position }) => this.#emitter.emit('gap', { position }));
    this.#reading = this.#read(channel.messages());
    const { position } = this.#record;
    await channel.subscribe(position === undefined ? {} : { after: position });
    if (this.#record.invitation !== undefined) await this.#sendInvitation();
  }

  /** Who is here; each member of the channel shows itself or not. */
  get presence(): Presence {
    return this.#ports.channel.presence;
  }

  /** Encrypts for the group and publishes; resolves when the log has it. Throws as `Channel.publish`. */
  async send(content: string | Uint8Array, id: string = randomId()): Promise<Published> {
    const bytes = typeof content === 'string' ? utf8(content) : content;
    const { plaintext, commitment } = await commit(bytes, { channelId: this.channelId, messageId: id });
    const message = await this.#exclusive(async () => {
      const sent = this.#record.sent + 1;
      const sealed = await this.#group.seal(numbered(sent, plaintext), contextOf(id, commitment));
      await this.#adopt(sealed.next, { sent });
      return sealed.message;
    });
    return this.#ports.channel.publish(message, { id, commitment });
  }

  /** Encrypts what nobody keeps for whoever reads the channel now, as `ephemeral` events there. Throws as `Ephemerals.publish`. */
  sendEphemeral(content: string | Uint8Array): Promise<void> {
    return this.#ephemerals.publish(typeof content === 'string' ? utf8(content) : content);
  }

  /** Messages of other devices from this call on (the first reader also gets what came before), in the order of the log. */
  /**
   * Shows nothing of these members from now on; a ban list says who they are (ban-list.ts). Their commits count all the same,
   * or this device would be in another group than everybody else; `remove` takes them out of it.
   */
  hideSenders(isHidden: (from: Tag) => boolean): void {
    this.#isHidden = isHidden;
  }

  messages(): AsyncIterableIterator<SecureMessage> {
    const inbox: Inbox<SecureMessage> = new Inbox({
      sizeOf: ({ bytes }) => bytes.length,
      onEnd: () => this.#inboxes.delete(inbox),
    });
    if (this.#hasEnded) inbox.end();
    else this.#inboxes.add(inbox);
    this.#catchUp();
    return inbox;
  }

  on<K extends keyof SecureChannelEvents>(
    name: K,
    listener: (event: SecureChannelEvents[K]) => void,
  ): () => void {
    const off = this.#emitter.on(name, listener);
    if (name === 'message') this.#catchUp();
    return off;
  }

  /** A secret of this channel and epoch that its members derive alike: for attachments, calls, member lists. */
  secret(label: string): Promise<Uint8Array> {
    return this.#group.exportSecret(label);
  }

  /**
   * Brings the group to the devices that key logs name now, and adds those of these users: new devices join, revoked ones
   * leave. Throws as `Roster.difference`.
   */
  refresh(newUserIds: readonly string[] = []): Promise<void> {
    return this.#commit(async (group) => {
      const { add, added, remove } = await this.#ports.roster.difference(group, newUserIds);
      if (add.length === 0 && remove.length === 0) return undefined;
      const info = pack({ channelId: this.channelId, position: this.#ports.channel.position });
      return { change: { add, remove, info }, added };
    });
  }

  /** Takes every device of a user out of the group: it reads nothing that is sent from then on. */
  remove(userId: string): Promise<void> {
    return this.#commit(async (group) => {
      const remove = group.members.filter((device) => device.userId === userId);
      return remove.length === 0 ? undefined : { change: { remove }, added: [] };
    });
  }

  /** Replaces this device's keys in the group: whoever copied the old ones is out again. */
  async renew(): Promise<void> {
    const { epoch } = this.#group;
    await this.#commit(async (group) => (group.epoch > epoch ? undefined : { change: {}, added: [] }));
  }

  /** Ends reading; resolves when what has arrived was taken in and told, which its keys do not survive. */
  async close(): Promise<void> {
    this.#ports.channel.close();
    await this.#reading;
  }

  async #read(messages: AsyncIterableIterator<Message>): Promise<void> {
    try {
      for await (const message of messages) {
        await this.#exclusive(() => this.#take(message));
        for (const wake of this.#waiting.splice(0)) wake();
      }
      this.#end(undefined);
    } catch (error) {
      this.#end(error);
      this.#ports.onFault(error);
    }
  }

  async #take(message: Message): Promise<void> {
    const { id, position, bytes } = message;
    const { pending } = this.#record;
    if (pending !== undefined && pending.id === id && equalBytes(pending.commit, bytes)) {
      const next = Group.decode(pending.next, this.#ports.roster.verify);
      const { invitation } = pending;
      await this.#adopt(next, { position, pending: undefined, invitation });
      return this.#emitter.emit('members', this.members);
    }
    const received = await this.#group.receive(bytes, contextOf(id, message.committed?.commitment));
    const before = received.kind === 'message' ? this.#record.heard[received.from.deviceId] : undefined;
    await this.#store(received, position);
    await this.#tell(received, { message, before });
  }

  async #store(received: Received, position: Position): Promise<void> {
    if (received.kind === 'commit') return this.#adopt(received.group, { position, pending: undefined });
    if (received.kind !== 'message') return this.#adopt(this.#group, { position });
    const { deviceId } = received.from;
    const { heard } = this.#record;
    const newest = Math.max(heard[deviceId] ?? 0, numberOf(received.plaintext));
    await this.#adopt(received.group, { position, heard: { ...heard, [deviceId]: newest } });
  }

  /** `before`: number of the sender's newest message until now. */
  async #tell(
    received: Received,
    { message, before }: { message: Message; before: number | undefined },
  ): Promise<void> {
    const { id, position } = message;
    if (received.kind === 'commit') return this.#emitter.emit('members', this.members);
    if (received.kind === 'refused') return this.#emitter.emit('refused', { id, position });
    if (received.kind !== 'message') return;
    const secure = await messageOf(received, { message, channelId: this.channelId, before });
    if (secure === undefined) return this.#emitter.emit('refused', { id, position });
    if (this.#backlog === undefined) return this.#deliver(secure);
    if (this.#backlog.push(secure) > INBOX_MAX_ITEMS)
      throw new Failure('slow_consumer', { detail: 'Too many messages are unread' });
  }

  #deliver(message: SecureMessage): void {
    if (this.#isHidden(message.reportable.from)) return;
    for (const inbox of [...this.#inboxes]) inbox.push(message);
    this.#emitter.emit('message', message);
  }

  /** Once there is a reader; before anything else can arrive. */
  #catchUp(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const message of backlog) this.#deliver(message);
  }

  /** Makes a commit count, whoever else makes one at the same time. `plan` is asked anew after each that was lost. */
  #commit(plan: (group: Group) => Promise<Plan | undefined>): Promise<void> {
    const result = this.#lastCommit.then(() => this.#settle(plan));
    this.#lastCommit = result.catch(() => undefined); // Its caller hears of it.
    return result;
  }

  async #settle(plan: (group: Group) => Promise<Plan | undefined>): Promise<void> {
    for (let tried = 0; tried < COMMIT_TRIES; tried += 1) {
      const isLeftOver = this.#record.pending !== undefined;
      if (!isLeftOver) {
        const planned = this.#group;
        const wanted = await plan(planned);
        if (wanted === undefined) return;
        await this.#exclusive(() => this.#prepare(planned, wanted));
      }
      const counts = await this.#publishPending();
      if (counts) await this.#sendInvitation();
      if (counts && !isLeftOver) return;
    }
    throw new Failure('conflict', { detail: 'Others changed the group at the same time, again and again' });
  }

  /** Nothing, when the group has moved on since it was planned for. */
  async #prepare({ epoch }: Group, { change, added }: Plan): Promise<void> {
    if (epoch !== this.#group.epoch) return;
    const made = await this.#group.change(change);
    const invitation = made.welcome === undefined ? undefined : { devices: added, welcome: made.welcome };
    const pending = { id: randomId(), commit: made.commit, next: made.next.encode(), invitation };
    await this.#adopt(this.#group, { pending });
  }

  /** True when the commit counts; false when another one did. Throws when that is not known: it is tried again later. */
  async #publishPending(): Promise<boolean> {
    const { channel } = this.#ports;
    let ifCommit = { epoch: channel.position?.epoch ?? '', offset: 0 };
    for (;;) {
      const { pending } = this.#record;
      if (pending === undefined) return false;
      try {
        const { id, commit } = pending;
        const { position } = await channel.publish(commit, { id, ifCommit });
        await this.#reached(position);
        return true;
      } catch (error) {
        if (!isFailure(error, 'conflict') || !(error instanceof Failure) || error.position === undefined)
          throw error;
        await this.#reached(error.position);
        ifCommit = error.position;
      }
    }
  }

  /** Resolves when everything up to this position was taken in. */
  async #reached(target: Position): Promise<void> {
    for (;;) {
      const { position } = this.#record;
      const isReached =
        target.offset === 0 || (position?.epoch === target.epoch && position.offset >= target.offset);
      if (isReached) return;
      if (this.#hasEnded) throw new Failure('conflict', { detail: 'The channel was closed by this client' });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #sendInvitation(): Promise<void> {
    const { invitation } = this.#record;
    if (invitation === undefined) return;
    await this.#ports.invite(invitation);
    await this.#exclusive(() => this.#adopt(this.#group, { invitation: undefined }));
  }

  /** The step to go on from, once it is stored. */
  async #adopt(group: Group, change: Partial<ChannelRecord>): Promise<void> {
    const record = { ...this.#record, ...change, group: group.encode() };
    await saveChannel(this.#ports.store, this.channelId, record);
    this.#record = record;
    this.#group = group;
  }

  #exclusive<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step);
    this.#last = result.catch(() => undefined); // Its caller hears of it; the next step begins from what was stored.
    return result;
  }

  #end(error: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const inbox of [...this.#inboxes]) inbox.end(error instanceof Failure ? error : undefined);
    for (const wake of this.#waiting.splice(0)) wake();
    this.#emitter.clear();
  }
}

interface Plan {
  readonly change: Parameters<Group['change']>[0];
  readonly added: readonly MemberDevice[];
}
