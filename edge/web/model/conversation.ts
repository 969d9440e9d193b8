/**
 * One conversation: what is stored of it, and its channel while this device is connected. What is written waits in the
 * database until the log has it, so neither a lost network nor a closed page loses it.
 */
import { computed, signal } from '@preact/signals';
import { randomId } from '../../../shared/bytes.ts';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import type { SecureChannel } from '../../../shared/client/mls/secure-channel.ts';
import type { SecureMessage } from '../../../shared/client/mls/secure-message.ts';
import { isFailure, toFailure } from '../../../shared/failure.ts';
import type { FailureCode } from '../../../shared/failures.ts';
import type { Position } from '../../../shared/position.ts';
import type { Database, Notice, Profile, StoredConversation, StoredMessage } from '../store/database.ts';
import { aboutOf, learned } from './about.ts';
import { type Content, readContent, TEXT_MAX, type TextContent } from './content.ts';
import { Hints } from './hints.ts';
import { sealRequest } from './invitation.ts';
import { learnReportKey, tellReportKey } from './report-keys.ts';
import { stayingModerators } from './roles.ts';
import { countingAt, Timeline, UNSENT_PLACE } from './timeline.ts';

export interface ConversationPorts {
  readonly database: Database;
  readonly profile: () => Profile;
  readonly rename: (name: string) => Promise<void>;
  /** A message of somebody else came in. */
  readonly onMessage: (conversation: Conversation, message: StoredMessage) => void;
}

/** Longest text shown for a conversation in the list. */
const PREVIEW_MAX = 80;

export class Conversation {
  readonly channelId: string;
  readonly timeline: Timeline;
  readonly hints: Hints;
  readonly info;
  /** `waiting` for an invitation · `away` from its node · `live`. */
  readonly state = signal<'away' | 'waiting' | 'live'>('away');
  /** Its messages are on the screen, and somebody looks. */
  readonly isSeen = signal(false);
  readonly others = computed(() => this.info.value.members.filter((userId) => userId !== this.#userId));
  readonly #ports: ConversationPorts;
  #userId = '';
  #channel: SecureChannel | undefined;
  #stop = new AbortController();
  /** One change of the store at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #isFlushing = false;

  constructor(stored: StoredConversation, ports: ConversationPorts) {
    this.channelId = stored.channelId;
    this.#ports = ports;
    this.info = signal(stored);
    this.timeline = new Timeline(stored.channelId, ports.database);
    this.hints = new Hints({
      channel: () => (this.state.value === 'live' ? this.#channel : undefined),
      userId: () => this.#userId,
      counting: () => this.info.value,
      isShown: () => ports.profile().isShown,
      onMark: (userId, mark) => void this.change({ marks: { ...this.info.value.marks, [userId]: mark } }),
    });
  }

  /** The channel, while it is open. */
  get channel(): SecureChannel | undefined {
    return this.#channel;
  }

  nameOf(userId: string): string {
    return this.info.value.names[userId] ?? '';
  }

  /** Changes what is stored. */
  change(change: Partial<StoredConversation>): Promise<void> {
    this.info.value = { ...this.info.value, ...change };
    return this.#exclusive(
      async () => void (await this.#ports.database.put('conversations', this.info.value)),
    );
  }

  /** Goes on where this device was; waits to be let in, where it is not yet. Throws what the channel was refused with. */
  async open(messenger: Messenger): Promise<void> {
    this.#userId = messenger.userId;
    this.#stop = new AbortController();
    const { signal: stopped } = this.#stop;
    const isListed = (await messenger.channels.list()).includes(this.channelId);
    if (!isListed) {
      if (this.info.value.pending === undefined) return;
      this.state.value = 'waiting';
      await this.#askToJoin(messenger);
    }
    const channel = await messenger.channels.join(this.channelId, { signal: stopped });
    if (stopped.aborted) return;
    this.#channel = channel;
    this.#listen(messenger, channel);
    await this.#meet(channel);
    this.#live();
    this.#tellReportKey(messenger);
  }

  /** The connection is over; what is stored stays. */
  close(): void {
    this.#stop.abort();
    this.#channel = undefined;
    this.state.value = 'away';
    this.hints.away();
  }

  /** This device is not in it any more. */
  async end(code: FailureCode): Promise<void> {
    this.close();
    await this.change({ ended: code });
  }

  /** Writes a message: sent now, or as soon as there is a connection. */
  async compose(text: string): Promise<void> {
    const trimmed = text.trim().slice(0, TEXT_MAX);
    if (trimmed === '') return;
    const atMs = Date.now();
    const message = { id: randomId(), channelId: this.channelId, userId: this.#userId, text: trimmed, atMs };
    await this.timeline.put({ ...message, place: UNSENT_PLACE, sending: 'queued' });
    this.hints.wrote();
    await this.change({ lastAtMs: atMs, preview: trimmed.slice(0, PREVIEW_MAX) });
    void this.flush();
  }

  /** Tries a refused message again. */
  async retry(message: StoredMessage): Promise<void> {
    await this.timeline.put({ ...message, sending: 'queued' });
    void this.flush();
  }

  /** Tells the members what newcomers cannot have read. */
  async introduce(): Promise<void> {
    await this.tell(aboutOf(this.info.value, { userId: this.#userId, ...this.#ports.profile() }));
  }

  /** Tells the members something that is no message. */
  async tell(content: Content): Promise<void> {
    await this.#channel?.send(JSON.stringify(content));
  }

  /** The messages on the screen count as read. */
  async read(): Promise<void> {
    if (this.info.value.unread > 0) await this.change({ unread: 0 });
    this.hints.readTo(this.timeline.lastPlace);
  }

  /** Sends what waits, one after the other. */
  async flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      for (;;) {
        const [next] = this.timeline.queued;
        if (next === undefined || this.#channel === undefined || this.state.value !== 'live') return;
        if (!(await this.#send(next, this.#channel))) return;
      }
    } finally {
      this.#isFlushing = false;
    }
  }

  /** False when it is to be tried again later. */
  async #send(message: StoredMessage, channel: SecureChannel): Promise<boolean> {
    const { id, text, atMs } = message;
    const content: Content = { kind: 'text', text, name: this.#ports.profile().name, atMs };
    try {
      const { position } = await channel.send(JSON.stringify(content), id);
      await this.#placed({ ...message, sending: 'sent' }, position);
      return true;
    } catch (error) {
      const isForGood = toFailure(error).retry === 'never' && !isFailure(error, 'conflict');
      if (isForGood) await this.timeline.put({ ...message, sending: 'refused' });
      return isForGood;
    }
  }

  #listen(messenger: Messenger, channel: SecureChannel): void {
    channel.on('message', (message) => void this.#exclusive(() => this.#take(messenger, message)));
    channel.on('members', () => void this.#meet(channel));
    channel.on('gap', () => void this.#note('gap', ''));
    const plain = messenger.client.channel(this.channelId);
    plain.on('state', (state) => {
      if (state === 'live') this.#live();
      else if (this.#channel === channel) this.state.value = 'away';
    });
    void this.hints.watch(channel);
  }

  #live(): void {
    this.state.value = 'live';
    this.hints.live();
    void this.flush();
  }

  async #take(messenger: Messenger, message: SecureMessage): Promise<void> {
    const { from, id, position, missing } = message;
    const { id: _, ...proof } = message.reportable;
    const content = readContent(message.bytes);
    if (content !== undefined && content.kind !== 'text') this.#heed(messenger, content, from);
    const { tags = {} } = this.info.value;
    if (tags[from.userId] !== proof.from)
      this.info.value = { ...this.info.value, tags: { ...tags, [from.userId]: proof.from } };
    if (content?.kind !== 'text') return void this.#reached(position);
    const { text, name } = content;
    const atMs = Math.min(content.atMs, Date.now());
    const stored = { id, channelId: this.channelId, userId: from.userId, text, atMs, proof };
    const known = await this.#ports.database.get('messages', id);
    // An id belongs to whoever used it first.
    if (known !== undefined) return void this.#reached(position);
    // From another device of this account.
    const isOwn = from.userId === this.#userId;
    const more = { ...(missing > 0 ? { missing } : {}), ...(isOwn ? { sending: 'sent' as const } : {}) };
    const placed = await this.#placed({ ...stored, ...more }, position);
    const { names, unread } = this.info.value;
    this.info.value = {
      ...this.info.value,
      names: name === '' ? names : { ...names, [from.userId]: name },
      unread: this.isSeen.value || isOwn ? 0 : unread + 1,
      lastAtMs: Date.now(),
      preview: text.slice(0, PREVIEW_MAX),
    };
    await this.#ports.database.put('conversations', this.info.value);
    this.hints.stopped(from.userId);
    this.hints.deliveredTo(placed.place, this.isSeen.value);
    if (!isOwn) this.#ports.onMessage(this, placed);
  }

  async #placed(message: Omit<StoredMessage, 'place'>, position: Position): Promise<StoredMessage> {
    const counting = this.#reached(position);
    const placed = { ...message, place: counting.base + position.offset };
    await this.timeline.put(placed);
    return placed;
  }

  #reached(position: Position) {
    const counting = countingAt(this.info.value, position, this.timeline.lastPlace);
    if (counting.epoch !== this.info.value.epoch) this.info.value = { ...this.info.value, ...counting };
    return counting;
  }

  #heed(messenger: Messenger, content: Exclude<Content, TextContent>, from: SecureMessage['from']): void {
    const { value: info } = this.info;
    if (content.kind === 'keys') return void learnReportKey(this, { ...from, key: content.key });
    if (content.kind === 'about')
      return void this.change(learned(info, content, { isOwn: from.userId === this.#userId, ...from })).then(
        () => this.#tellReportKey(messenger),
      );
    if (this.#userId !== info.ownerId) return;
    this.#channel?.remove(from.userId).catch(() => undefined); // Its owner can still do it by hand.
  }

  /** Compares who is there with who was. */
  async #meet(channel: SecureChannel): Promise<void> {
    const members = [...new Set(channel.members.map(({ userId }) => userId))];
    const { members: before, pending, moderators, ...info } = this.info.value;
    if (
      pending === undefined &&
      members.every((id) => before.includes(id)) &&
      members.length === before.length
    )
      return;
    this.info.value = { ...info, members, moderators: stayingModerators(moderators, members) };
    await this.change({});
    // Whoever comes in knows nobody's coming.
    if (before.length === 0) return;
    for (const userId of members) if (!before.includes(userId)) await this.#note('joined', userId);
    for (const userId of before.filter((id) => !members.includes(id))) {
      this.hints.stopped(userId);
      await this.#note('left', userId);
    }
  }

  async #note(notice: Notice, userId: string): Promise<void> {
    const place = this.timeline.lastPlace + 0.5;
    const { channelId } = this;
    await this.timeline.put({ id: randomId(), channelId, place, atMs: Date.now(), userId, text: '', notice });
  }

  async #askToJoin(messenger: Messenger): Promise<void> {
    const { pending, ownerId } = this.info.value;
    if (pending === undefined || pending.isAsked) return;
    const { channelId } = this;
    const { userId } = messenger;
    const mail = await sealRequest(pending.key, { channelId, userId, name: this.#ports.profile().name });
    await messenger.client.mailbox.send(ownerId, () => mail);
    await this.change({ pending: { ...pending, isAsked: true } });
  }

  #tellReportKey(messenger: Messenger): void {
    tellReportKey(messenger, this).catch(() => undefined); // Told with the next connection.
  }

  #exclusive<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step);
    this.#last = result.catch(() => undefined); // Its caller hears of it.
    return result;
  }
}
