import { Failure, toFailure } from '../failure.ts';
import type { PresenceFrame, Tag } from '../frame.ts';
import { abortable } from './abort.ts';
import type { Clock } from './clock.ts';
import { Inbox } from './inbox.ts';
import type { Route } from './outbox.ts';
import { type Backoff, DEFAULT_BACKOFF, pauseMs } from './retry.ts';

/** Who is present in a channel, among those who want to be shown. */
export interface Present {
  readonly count: number;
  /** Member tags, as in `Message.from`; absent while more than 64 are present. */
  readonly members?: readonly Tag[];
}
/** The same, and who came and left since the change before. */
export interface PresenceChange extends Present {
  readonly joined: readonly Tag[];
  readonly left: readonly Tag[];
}

/** Presence in one channel; throws `not_subscribed` before `subscribe`. Each member is present once, on however many devices. */
export interface Presence {
  /** Shows this member as present, over reconnects; resolves when it is. Throws the code it was refused with. */
  show(signal?: AbortSignal): Promise<void>;
  /** Shows it no more; the others see that some 5 s later. */
  hide(): void;
  /** Who is present now; waits for a connection. Throws the code it was refused with. */
  snapshot(signal?: AbortSignal): Promise<Present>;
  /** Everybody who is present, as `joined`, and then every change, until the reader leaves. */
  changes(): AsyncIterableIterator<PresenceChange>;
}

export interface PresencePorts {
  readonly clock: Clock;
  /** Over which connection the channel is live now. */
  readonly route: () => Route | undefined;
  /** Throws when the channel is not asked for. */
  readonly requireSubscription: () => void;
  readonly backoff?: Backoff;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (failure: Failure) => void;
}

/** Asks each connection anew for what is wanted, and keeps one view over all of them. */
export class OpenPresence implements Presence {
  readonly #ports: PresencePorts;
  readonly #inboxes = new Set<Inbox<PresenceChange>>();
  #isShown = false;
  #isAsked = false;
  #shows: Waiting<void>[] = [];
  #snapshots: Waiting<Present>[] = [];
  #view: Present | undefined;
  /** The view is of a connection that is over: good for telling what changed, and nothing else. */
  #isStale = true;
  #attempt = 0;
  #cancelRetry: () => void = () => undefined;

  constructor(ports: PresencePorts) {
    this.#ports = ports;
  }

  async show(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#ports.requireSubscription();
    this.#isShown = true;
    const shown = new Promise<void>((resolve, reject) => this.#shows.push({ resolve, reject }));
    this.#ask();
    await abortable(shown, signal, () => undefined);
  }

  hide(): void {
    this.#isShown = false;
    this.#ask();
  }

  async snapshot(signal?: AbortSignal): Promise<Present> {
    signal?.throwIfAborted();
    this.#ports.requireSubscription();
    if (this.#view !== undefined && !this.#isStale) return this.#view;
    const view = new Promise<Present>((resolve, reject) => this.#snapshots.push({ resolve, reject }));
    this.#ask();
    return abortable(view, signal, () => undefined);
  }

  changes(): AsyncIterableIterator<PresenceChange> {
    this.#ports.requireSubscription();
    const inbox: Inbox<PresenceChange> = new Inbox({
      sizeOf: ({ joined, left }) => 22 * (joined.length + left.length),
      onEnd: () => {
        this.#inboxes.delete(inbox);
        this.#stopWatching();
      },
    });
    this.#inboxes.add(inbox);
    const view = this.#view;
    if (view === undefined || this.#isStale) this.#ask();
    else inbox.push({ ...view, joined: view.members ?? [], left: [] });
    return inbox;
  }

  /** The channel is live on another connection than before. */
  live(): void {
    this.#attempt = 0;
    if (this.#isShown || this.#isWatching) this.#ask();
  }

  interrupted(): void {
    this.#isStale = true;
  }

  /** No more presence of this channel. */
  end(failure: Failure | undefined): void {
    this.#cancelRetry();
    this.#isShown = false;
    const reason = failure ?? new Failure('conflict', { detail: 'The channel was closed by this client' });
    for (const { reject } of [...this.#shows.splice(0), ...this.#snapshots.splice(0)]) reject(reason);
    for (const inbox of [...this.#inboxes]) inbox.end(failure);
  }

  receive(frame: PresenceFrame): void {
    const before = new Set(this.#view?.members);
    const members = membersAfter(frame, this.#view?.members);
    this.#view = members === undefined ? { count: frame.count } : { count: frame.count, members };
    this.#isStale = false;
    const now = new Set(members);
    const joined = (members ?? []).filter((member) => !before.has(member));
    // Without names nobody is known to have left.
    const left = members === undefined ? [] : [...before].filter((member) => !now.has(member));
    for (const inbox of [...this.#inboxes]) inbox.push({ ...this.#view, joined, left });
    for (const { resolve } of this.#snapshots.splice(0)) resolve(this.#view);
    this.#stopWatching();
  }

  get #isWatching(): boolean {
    return this.#inboxes.size + this.#snapshots.length > 0;
  }

  #stopWatching(): void {
    if (this.#isWatching || this.#view === undefined) return;
    this.#view = undefined;
    this.#ask();
  }

  /** Tells the node what is wanted, once for all that changes in this tick; without a connection, `live` will. */
  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#cancelRetry();
    queueMicrotask(() => {
      this.#isAsked = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    const route = this.#ports.route();
    if (route === undefined) return;
    const { connection, channel } = route;
    const shows = [...this.#shows];
    try {
      await connection.request({ type: 'presence', channel, show: this.#isShown, watch: this.#isWatching });
      this.#attempt = 0;
      this.#shows = this.#shows.filter((show) => !shows.includes(show));
      for (const { resolve } of shows) resolve();
    } catch (error) {
      if (connection.isOpen) this.#refused(toFailure(error));
    }
  }

  #refused(failure: Failure): void {
    if (failure.retry === 'never') return this.end(failure);
    const { clock, backoff = DEFAULT_BACKOFF } = this.#ports;
    this.#cancelRetry();
    this.#cancelRetry = clock.after(pauseMs(this.#attempt, { failure, backoff, clock }), () => this.#ask());
    this.#attempt += 1;
  }
}

/** Who is present after a frame; undefined when there are too many to name. */
function membersAfter({ members, joined, left }: PresenceFrame, before: readonly Tag[] | undefined) {
  if (members !== undefined) return members;
  if (joined === undefined || left === undefined || before === undefined) return undefined;
  const now = new Set([...before, ...joined]);
  for (const member of left) now.delete(member);
  return [...now];
}
