/** The Mailboxes over Redis: one script for each call, the calls of one loop tick in one pipeline. */
import { Failure } from '../../shared/failure.ts';
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
import { relayKey } from './partitions.ts';
import type { RedisLink } from './redis-link.ts';
import { type Call, loadScript, runCalls, type Script, translate } from './redis-scripts.ts';
import type { RedisTopics } from './redis-topics.ts';

const SEND = loadScript('seen', 'box', 'box-send');
const ATTACH = loadScript('box', 'box-attach');
const READ = loadScript('box', 'box-read');
const ACK = loadScript('box', 'box-ack');
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
  readonly commands: RedisLink;
  readonly topics: RedisTopics;
  readonly now: () => number;
  readonly retentionHours: number;
  readonly maxItems?: number;
  readonly maxBytes?: number;
  readonly maxItemsPerSender?: number;
}

type Argument = string | number;
const OUTCOMES = ['queued', 'known', 'mailbox_full', 'sender_full'] as const;

export class RedisMailboxes implements Mailboxes {
  readonly #options: RedisMailboxesOptions;
  readonly #epochs: FreshEpochs;
  #calls: ((shared: readonly Argument[]) => Call)[] = [];

  constructor(options: RedisMailboxesOptions) {
    this.#options = options;
    this.#epochs = new FreshEpochs(options.now);
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
    const [epoch, fence] = (await this.#run(ATTACH, mailbox, [])) as [string, number];
    return { mailbox, epoch, fence };
  }

  async read(mailbox: Tag, afterSeq: number): Promise<MailboxPage> {
    const reply = await this.#run(READ, mailbox, [afterSeq, PAGE_ITEMS, PAGE_BYTES]);
    const [epoch, ...rest] = reply as [string, ...(string | number)[]];
    const items = [];
    for (let i = 0; i < rest.length; i += 2) items.push({ seq: Number(rest[i]), body: String(rest[i + 1]) });
    return { epoch, items };
  }

  async ack({ mailbox, epoch, fence }: Attachment, ranges: readonly SeqRange[]): Promise<boolean> {
    return (await this.#run(ACK, mailbox, [epoch, fence, ...ranges.flat()])) !== -1;
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
    return new Promise((resolve, reject) => {
      if (this.#calls.length === 0) setImmediate(() => this.#flush());
      this.#calls.push((shared) => ({
        script,
        keys: KINDS.map((kind) => relayKey(kind, mailbox)),
        args: [...shared, ...args],
        settle: (error, reply) => (error ? reject(translate(error)) : resolve(reply)),
      }));
    });
  }

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    const { commands, now, retentionHours } = this.#options;
    const nowHour = Math.floor(now() / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
    const headExpiry = nextHour(now()) + retentionHours * HOUR_SECONDS + HEAD_EXTRA_SECONDS;
    const shared = [commands.runId ?? '', this.#epochs.next(), nowHour, headExpiry];
    const made = calls.map((make) => make(shared));
    if (commands.runId !== undefined) return void runCalls(commands.redis, made);
    const away = new Failure('unavailable', { detail: 'The relay is away' });
    for (const call of made) call.settle(away, undefined);
  }
}

const KINDS = ['boxhead', 'box', 'boxseen', 'boxseenold', 'boxfrom', TOPIC_KIND];

function nextHour(nowMs: number): number {
  return Math.ceil(nowMs / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
}
