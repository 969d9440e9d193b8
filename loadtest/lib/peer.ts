/** One socket: welcomed, subscribed, heard. Many of them live in one virtual user, because a virtual user costs 0.3 MB. */
import { clearTimeout, setTimeout } from 'k6/timers';
import { type MessageEvent, WebSocket } from 'k6/websockets';
import type { Admission } from './edge.ts';
import { dropped, gaps, opened, refuse, unexpected } from './promises.ts';

export interface Publication {
  readonly channel: string;
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  readonly data: string;
}
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}
type Frame = Readonly<Record<string, unknown>> & { readonly type: string; readonly ref?: number };

export interface Moved {
  readonly afterMs: number;
  readonly origins: readonly { readonly url: string }[];
}

export interface PeerOptions {
  readonly admission: Admission;
  /** Straight to nodes, or through the edge, in the order to try. */
  readonly urls: readonly string[];
  readonly position?: Position | undefined;
  readonly onPublication?: (publication: Publication) => void;
  /** The node asks to move, and names others. */
  readonly onMoved?: (moved: Moved) => void;
  /** Ended though nobody had asked. */
  readonly onEnd?: () => void;
}

/** From opening to being subscribed; the node's admission alone may take 5 s. */
const OPEN_DEADLINE_MS = 15_000;
const ANSWER_DEADLINE_MS = 15_000;
/** From the upgrade: a node has 5 s to judge a ticket, so by then it has sent a welcome or closed. */
const WELCOME_MS = 5_500;
/** `readyState` of an open socket; k6 2.2 has no `WebSocket.OPEN`, though its types do. */
const OPEN = 1;

export class Peer {
  readonly #options: PeerOptions;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (frame: Frame | undefined) => void>();
  #onWelcome: (() => void) | undefined;
  #ref = 0;
  #isOpen = false;
  #isClosing = false;
  #why = 'no answer in time';

  private constructor(options: PeerOptions, url: string) {
    this.#options = options;
    const protocols = `hushwire.v1, hushwire.ticket.${options.admission.ticket}`;
    this.#socket = new WebSocket(url, null, {
      headers: { 'Sec-WebSocket-Protocol': protocols },
      tags: { name: 'socket' },
    });
    this.#socket.onmessage = (event?: MessageEvent) => this.#take(JSON.parse(String(event?.data)) as Frame);
    // Without a handler k6 logs each of them; `onclose` follows.
    this.#socket.onerror = () => undefined;
    this.#socket.onclose = (event?: { readonly code?: number; readonly reason?: string }) => {
      this.#why = `closed with ${event?.code} ${event?.reason ?? ''}`;
      this.#ended();
    };
  }

  /**
   * Resolves when it is welcomed and subscribed to every channel of its admission. A node that is gone uses up no ticket, so
   * the next one is tried, as clients do; undefined when all refused.
   */
  static async open(options: PeerOptions): Promise<Peer | undefined> {
    let why = 'no node';
    for (const url of options.urls) {
      const peer = new Peer(options, url);
      if ((await peer.#welcomed()) && (await peer.#subscribe())) {
        peer.#isOpen = true;
        opened.add(1);
        return peer;
      }
      why = peer.#why;
      peer.close();
    }
    refuse('socket', why);
    return undefined;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True when the node said `ok`: the message is in the channel's log. */
  async publish(channel: string, id: string, data: string): Promise<boolean> {
    return (await this.#ask({ type: 'publish', channel, id, data }))?.type === 'ok';
  }

  async announce(channel: string, id: string, data: string): Promise<boolean> {
    return (await this.#ask({ type: 'publish', channel, id, data, ephemeral: true }))?.type === 'ok';
  }

  async show(channel: string): Promise<boolean> {
    return (await this.#ask({ type: 'presence', channel, show: true, watch: true }))?.type === 'ok';
  }

  async refresh({ ticket, grants }: Admission): Promise<boolean> {
    return (await this.#ask({ type: 'refresh', ticket, grants }))?.type === 'ok';
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
  }

  #welcomed(): Promise<boolean> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => settle(false), OPEN_DEADLINE_MS);
      let doubt: ReturnType<typeof setTimeout> | undefined;
      this.#socket.onopen = () => {
        if (this.#onWelcome !== undefined)
          doubt = setTimeout(() => void this.#wasWelcomed().then(settle), WELCOME_MS);
      };
      const settle = (isWelcome: boolean) => {
        clearTimeout(deadline);
        if (doubt !== undefined) clearTimeout(doubt); // k6 ends an iteration only when no timer is left
        this.#onWelcome = undefined;
        this.#waiting.delete(0);
        resolve(isWelcome);
      };
      this.#onWelcome = () => settle(true);
      this.#waiting.set(0, () => settle(false));
    });
  }

  /**
   * k6 2.2 drops a frame that comes right behind the upgrade: it begins to read before it has noted that the socket is open.
   * A node answers `ping` only to whom it has sent a welcome, and closes otherwise, so the answer tells which it was.
   */
  async #wasWelcomed(): Promise<boolean> {
    if (this.#socket.readyState !== OPEN || (await this.#ask({ type: 'ping' }))?.type !== 'pong')
      return false;
    dropped.add(1);
    return true;
  }

  async #subscribe(): Promise<boolean> {
    const { admission, position } = this.#options;
    const { grants, channels } = admission;
    if (channels.length === 0) return true;
    const wanted = channels.map(({ channel }) =>
      position === undefined ? { channel } : { channel, position },
    );
    return (await this.#ask({ type: 'subscribe', grants, channels: wanted }))?.type === 'ok';
  }

  #ask(command: object): Promise<Frame | undefined> {
    this.#ref += 1;
    const ref = this.#ref;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => settle(undefined), ANSWER_DEADLINE_MS);
      const settle = (frame: Frame | undefined) => {
        clearTimeout(deadline);
        this.#waiting.delete(ref);
        resolve(frame);
      };
      this.#waiting.set(ref, settle);
      try {
        this.#socket.send(JSON.stringify({ ...command, ref }));
      } catch (_closed) {
        settle(undefined); // It ended in between; `onclose` tells why.
      }
    });
  }

  #take(frame: Frame): void {
    const { type } = frame;
    if (type === 'welcome') this.#onWelcome?.();
    else if (type === 'ok' || type === 'failed' || type === 'pong') {
      if (type === 'failed') this.#why = `failed with ${frame.code}`;
      this.#waiting.get(frame.ref ?? -1)?.(frame);
    } else if (type === 'publication') this.#options.onPublication?.(frame as unknown as Publication);
    else if (type === 'gap') gaps.add(1);
    else if (type === 'moved') this.#options.onMoved?.(frame as unknown as Moved);
  }

  #ended(): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    for (const settle of [...this.#waiting.values()]) settle(undefined);
    if (!wasOpen || this.#isClosing) return;
    if (this.#options.onEnd === undefined) unexpected.add(1);
    else this.#options.onEnd();
  }
}
