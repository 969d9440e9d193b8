import type { Tag } from '../shared/frame.ts';
import { Inbox, type InboxPorts } from './inbox.ts';
import type { MailboxListener } from './ports.ts';

interface Watched {
  readonly inboxes: Set<Inbox>;
  readonly ready: Promise<void>;
}

/** Which mailboxes the connections of this node receive; tells their inboxes what the relay announces. */
export class PostOffice implements MailboxListener {
  readonly #ports: Omit<InboxPorts, 'socket'>;
  readonly #watched = new Map<Tag, Watched>();

  constructor(ports: Omit<InboxPorts, 'socket'>) {
    this.#ports = ports;
    ports.mailboxes.listen(this);
  }

  /** An inbox that hears of every later item; every `open` needs one `release`. Throws `unavailable`. */
  async open(mailbox: Tag, socket: InboxPorts['socket']): Promise<Inbox> {
    const inbox = new Inbox(mailbox, { ...this.#ports, socket });
    let watched = this.#watched.get(mailbox);
    if (watched === undefined) {
      watched = { inboxes: new Set(), ready: this.#ports.mailboxes.watch(mailbox) };
      this.#watched.set(mailbox, watched);
    }
    watched.inboxes.add(inbox);
    try {
      await watched.ready;
    } catch (error) {
      this.release(inbox);
      throw error;
    }
    return inbox;
  }

  release(inbox: Inbox): void {
    inbox.close();
    const watched = this.#watched.get(inbox.mailbox);
    if (!watched?.inboxes.delete(inbox) || watched.inboxes.size > 0) return;
    this.#watched.delete(inbox.mailbox);
    this.#ports.mailboxes.unwatch(inbox.mailbox);
  }

  onItem(mailbox: Tag): void {
    for (const inbox of this.#inboxesOf(mailbox)) void inbox.look();
  }

  onAttached(mailbox: Tag, fence: number): void {
    for (const inbox of this.#inboxesOf(mailbox)) inbox.supersede(fence);
  }

  onInterrupted(): void {
    for (const { inboxes } of this.#watched.values()) for (const inbox of inboxes) void inbox.look();
  }

  #inboxesOf(mailbox: Tag): Iterable<Inbox> {
    return this.#watched.get(mailbox)?.inboxes ?? [];
  }
}
