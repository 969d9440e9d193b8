/** The Mailboxes over Redis: one script for each call, the calls of one loop tick to one server in one pipeline. */
import type { Tag } from '../../shared/frame.ts';
import type {
  Attachment,
  Letter,
  Mailboxes,
  MailboxListener,
  MailboxPage,
  Posted,
  SeqRange,
} from '../ports.ts';
import { FreshEpochs } from './fresh-epoch.ts';
import { partitionKey, partitionOf, relayKey } from './partitions.ts';
import type { RedisCommands } from './redis-commands.ts';
import { type Argument, type Call, loadScript, type Script, translate } from './redis-scripts.ts';
import type { RedisTopics } from './redis-topics.ts';

const SEND = loadScript('life', 'seen', 'box', 'box-send');
const ATTACH = loadScript('life', 'box', 'box-attach');
const READ = loadScript('life', 'box', 'box-read');
const ACK = loadScript('life', 'box', 'box-ack');
/** The scripts a connection must know before it carries calls of this file. */
export const MAILBOX_SCRIPTS = [SEND, ATTACH, READ, ACK];

const TOPIC_KIND = 'boxpub';
const HOUR_SECONDS = 3_600;
const SEEN_BUCKET_SECONDS = 600;
/** How much longer than its last item a head lives, so that a late device still meets its epoch. */
const HEAD_EXTRA_SECONDS = 30 * 24 * HOUR_SECONDS;
/** A page is what a device may hold unacked. */
const PAGE_ITEMS = 32;
const PAGE_BYTES = 256 * 1024;

export interface RedisMailboxesOptions {
  /** Prepared with MAILBOX_SCRIPTS. */
  readonly commands: RedisCommands;
  readonly topics: RedisTopics;
  readonly now: () => number;
  readonly retentionHours: number;
  readonly maxItems?: number;
  readonly maxBytes?: number;
  readonly maxItemsPerSender?: number;
}

const OUTCOMES = ['queued', 'known', 'mailbox_full', 'sender_full'] as const;

export class RedisMailboxes implements Mailboxes {
  readonly #options: RedisMailboxesOptions;
  readonly #epochs: FreshEpochs;
  #calls: ((shared: readonly Argument[]) => Call)[] = [];

  constructor(options: RedisMailboxesOptions) {
    this.#options = options;
    this.#epochs = new FreshEpochs(options.now);
    options.commands.addSource(() => this.#takeCalls());
  }

  async post({ mailbox, sender, id, body }: Letter): Promise<Posted> {
    const { now, retentionHours, maxItems = 512, maxBytes = 8 * 1024 * 1024 } = this.#options;
    const { maxItemsPerSender = 128 } = this.#options;
    const expiry = nextHour(now()) + retentionHours * HOUR_SECONDS;
    const bucket = Math.floor(now() / 1000 / SEEN_BUCKET_SECONDS);
    const args = [expiry, bucket, maxItems, maxBytes, maxItemsPerSender, sender, id, body];
    const [outcome, seq] = (await this.#run(SEND, mailbox, args)) as [number, number];
    const name = OUTCOMES[outcome] ?? 'mailbox_full';
    return name === 'queued' || name === 'known' ? { outcome: name, seq } : { outcome: name };
  }

  async attach(mailbox: Tag): Promise<Attachment> {
    const [epoch, fence] = (await this.#run(ATTACH, mailbox, [''])) as [string, number];
    return { mailbox, epoch, fence };
  }

  async claim({ mailbox, fence }: Attachment): Promise<Attachment | undefined> {
    const [epoch, owned] = (await this.#run(ATTACH, mailbox, [fence])) as [string, number];
    return owned === fence ? { mailbox, epoch, fence } : undefined;
  }

  async read(mailbox: Tag, afterSeq: number): Promise<MailboxPage> {
    const reply = await this.#run(READ, mailbox, [afterSeq, PAGE_ITEMS, PAGE_BYTES]);
    const [epoch, ...rest] = reply as [string, ...(string | number)[]];
    const items = [];
    for (let i = 0; i < rest.length; i += 2) items.push({ seq: Number(rest[i]), body: String(rest[i + 1]) });
    return { epoch, items };
  }

  async ack({ mailbox, epoch, fence }: Attachment, ranges: readonly SeqRange[]) {
    const deleted = await this.#run(ACK, mailbox, [epoch, fence, ...ranges.flat()]);
    if (deleted === -2) return 'over';
    return deleted === -1 ? 'superseded' : 'deleted';
  }

  watch(mailbox: Tag): Promise<void> {
    return this.#options.topics.subscribe(TOPIC_KIND, mailbox);
  }

  unwatch(mailbox: Tag): void {
    this.#options.topics.unsubscribe(TOPIC_KIND, mailbox);
  }

  listen(listener: MailboxListener): void {
    this.#options.topics.listen(TOPIC_KIND, {
      onAnnouncement: (mailbox, payload) => {
        if (payload.startsWith('f')) listener.onAttached(mailbox, Number(payload.slice(1)));
        else listener.onItem(mailbox);
      },
      onInterrupted: () => listener.onInterrupted(),
    });
  }

  #run(script: Script, mailbox: Tag, args: readonly Argument[]): Promise<unknown> {
    const partition = partitionOf(mailbox);
    return new Promise((resolve, reject) => {
      this.#options.commands.schedule();
      this.#calls.push((shared) => ({
        partition,
        script,
        keys: [partitionKey('life', partition), ...KINDS.map((kind) => relayKey(kind, mailbox))],
        args: [...shared, ...args],
        settle: (error, reply) => (error ? reject(translate(error)) : resolve(reply)),
      }));
    });
  }

  #takeCalls(): Call[] {
    const calls = this.#calls;
    if (calls.length === 0) return [];
    this.#calls = [];
    const { now, retentionHours } = this.#options;
    const nowHour = Math.floor(now() / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
    const headExpiry = nextHour(now()) + retentionHours * HOUR_SECONDS + HEAD_EXTRA_SECONDS;
    const shared = [this.#epochs.next(), nowHour, headExpiry];
    return calls.map((make) => make(shared));
  }
}

const KINDS = ['boxhead', 'box', 'boxseen', 'boxseenold', 'boxfrom', TOPIC_KIND];

function nextHour(nowMs: number): number {
  return Math.ceil(nowMs / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
}
