/**
 * One origin node: every connection it holds, the channels they read, and its place among the other nodes.
 *
 * starting ──start()──► ready ──drain()──► draining ──► stopped. Connections are admitted while ready, and in the first
 * moments of a drain, until nobody is sent here any more.
 */
import { randomId } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type { NodeInfo } from '../shared/internal/relay.ts';
import type { Log } from '../shared/log.ts';
import type { Verifier } from '../shared/token.ts';
import { AccountAllowances } from './allowance.ts';
import { Announcer } from './announcer.ts';
import { TokenBucket } from './bucket.ts';
import { Connection, type ConnectionPorts } from './connection.ts';
import { ConnectionIndex } from './connection-index.ts';
import { Drain, type DrainTimes } from './drain.ts';
import { every } from './every.ts';
import { Hub } from './hub.ts';
import type { NodeLimits } from './limits.ts';
import type { Counters } from './metrics.ts';
import type {
  Broker,
  ConnectionEvents,
  FanOut,
  Mailboxes,
  Presences,
  Redemptions,
  Registry,
  Socket,
  Stamper,
} from './ports.ts';
import { PostOffice } from './post-office.ts';
import type { Revocations } from './revocations.ts';
import { Rosters } from './rosters.ts';
import { Suspension } from './suspension.ts';

export interface NodePorts {
  readonly node: string;
  readonly limits: NodeLimits;
  readonly broker: Broker;
  readonly mailboxes: Mailboxes;
  readonly presences: Presences;
  readonly registry: Registry;
  readonly redemptions: Redemptions;
  readonly revocations: Revocations;
  readonly verifier: Verifier;
  readonly fanOut: FanOut;
  readonly log: Log;
  readonly now: () => number;
  readonly counters: Counters;
  /** Undefined without a franking key. */
  readonly stamper?: Stamper | undefined;
  /** How full this node is, 0 to 1, as it tells the others. */
  readonly fullness: () => number;
  /** Runs once after `ms`; the result cancels it. */
  readonly setTimer: (run: () => void, ms: number) => () => void;
}

/** Whoever finds so many waiting for admission may find fewer after this; most are admitted in a few milliseconds. */
const ADMITTING_WAIT_MS = 1_000;
/** How late the end of a grant may be noticed on an idle subscription. */
const SWEEP_INTERVAL_MS = 1_000;

export class OriginNode {
  readonly hub: Hub;
  readonly #ports: NodePorts;
  readonly #connections = new Set<Connection>();
  /** Open connections by session tag and by device tag. */
  readonly #admitted = new ConnectionIndex<Connection>();
  readonly #connectionPorts: ConnectionPorts;
  readonly #holder: Holder = {
    admit: (connection, ticket) => void this.#admit(connection, ticket),
    release: (connection, isSlow) => this.#release(connection, isSlow),
  };
  readonly #suspension = new Suspension();
  #state: 'starting' | 'ready' | 'draining' | 'stopped' = 'starting';
  readonly #upgrades: TokenBucket;
  readonly #accounts: AccountAllowances;
  #admitting = 0;
  #url = '';
  #drain: Drain | undefined;
  #isListening = true;
  readonly #announcer: Announcer;
  #cancelSweep: () => void = () => undefined;

  constructor(given: NodePorts) {
    const ports = { ...given, ...this.#suspension.over(given) };
    this.#ports = ports;
    const { connectionsPerSecond: perSecond, connectionsBurst: burst } = ports.limits;
    this.#upgrades = new TokenBucket({ perSecond, burst }, ports.now());
    this.#accounts = new AccountAllowances(ports.limits);
    this.#announcer = new Announcer({ ...ports, entry: () => this.#entry() });
    const wait = (ms: number) => new Promise<void>((resolve) => void ports.setTimer(resolve, ms));
    const { broker, fanOut, counters } = ports;
    this.hub = new Hub({
      broker,
      fanOut: (channel, text) => {
        counters.deliveries += 1;
        fanOut(channel, text);
      },
      wait,
      onGap: () => {
        counters.gaps += 1;
      },
      onRepair: () => {
        counters.repairs += 1;
      },
    });
    this.#connectionPorts = {
      ...ports,
      accounts: this.#accounts,
      hub: this.hub,
      rosters: new Rosters(ports),
      postOffice: new PostOffice({
        mailboxes: ports.mailboxes,
        wait,
        onDelivered: (items) => {
          counters.delivered += items;
        },
      }),
      onReplayed: (publications) => {
        counters.replayed += publications;
      },
      onGap: () => {
        counters.gaps += 1;
      },
    };
  }

  get state(): 'starting' | 'ready' | 'draining' | 'stopped' {
    return this.#state;
  }

  /** Whether delivery is held back, because this node cannot know who was banned. */
  get isSuspended(): boolean {
    return this.#suspension.isOn;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes that wait for peers that read slowly, over all connections. Asks each; for scrapes, not for every message. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.queuedBytes;
    return bytes;
  }

  /** Learns what is revoked, then begins admitting connections and announces the node at `url`. */
  async start(url: string): Promise<void> {
    this.#url = url;
    await this.#ports.revocations.start((tags) => this.#end(tags));
    this.#state = 'ready';
    await this.#announcer.start();
    this.#cancelSweep = every(SWEEP_INTERVAL_MS, () => this.#sweep(), this.#ports.setTimer);
  }

  /** Why a further socket is not let in now; undefined when it is. Asked once for each upgrade. */
  refusal(): Failure | undefined {
    if (this.#state !== 'ready' && !(this.#state === 'draining' && this.#isListening))
      return new Failure('server_draining');
    if (this.isSuspended) return new Failure('unavailable');
    if (this.#admitting >= this.#ports.limits.admittingConnections)
      return new Failure('too_many_requests', { retryAfterMs: ADMITTING_WAIT_MS });
    const retryAfterMs = this.#upgrades.take(1, this.#ports.now());
    return retryAfterMs === 0 ? undefined : new Failure('too_many_requests', { retryAfterMs });
  }

  /** Takes over a freshly upgraded socket; the caller reports what happens on it. */
  accept(socket: Socket): ConnectionEvents {
    const connection = new Connection(randomId(9), socket, this.#connectionPorts);
    this.#connections.add(connection);
    return new Held(connection, this.#holder);
  }

  /**
   * Leaves the registry, moves every connection to other nodes as drain.ts has it, and stops. `stopListening` is called
   * in between. Never rejects; call it once.
   */
  async drain(times: DrainTimes, stopListening: () => void): Promise<void> {
    this.#state = 'draining';
    const { node, log, now, setTimer, revocations } = this.#ports;
    log('info', 'node.draining', { node, count: this.#connections.size });
    this.#drain = new Drain({
      times,
      connections: this.#connections,
      others: () => this.#announcer.others(),
      stopListening: () => {
        this.#isListening = false;
        stopListening();
      },
      now,
      setTimer,
    });
    await this.#announcer.withdraw();
    await this.#drain.run();
    this.#cancelSweep();
    revocations.stop();
    this.#state = 'stopped';
  }

  /** Ends a drain at once: whoever is still here is closed with the advice to come back. */
  hurry(): void {
    this.#drain?.hurry();
  }

  #release(connection: Connection, isSlow: boolean): void {
    this.#connections.delete(connection);
    for (const tag of connection.tags) this.#admitted.remove(tag, connection);
    if (connection.isOpen) this.#ports.counters.closes(isSlow ? 'slow_consumer' : 'peer');
    connection.ended();
  }

  async #admit(connection: Connection, ticket: string | undefined): Promise<void> {
    this.#admitting += 1;
    await connection.start(ticket);
    this.#admitting -= 1;
    if (connection.isOpen) for (const tag of connection.tags) this.#admitted.add(tag, connection);
  }

  /** Sends away who was let in under one of these tags, and ends what was held by one of these rights. */
  #end(tags: readonly Tag[]): void {
    const rights = new Set<Tag>();
    for (const tag of tags) {
      const admitted = this.#admitted.find(tag);
      for (const connection of admitted) connection.close('session_ended');
      if (admitted.length === 0) rights.add(tag);
    }
    // Which connection holds a right is not indexed: it would cost every connection memory for what is rare.
    if (rights.size > 0) for (const connection of this.#connections) connection.revoke(rights);
  }

  #sweep(): void {
    const nowMs = this.#ports.now();
    for (const connection of this.#connections) connection.expire(nowMs);
    this.#accounts.sweep(nowMs);
    this.#suspendOrResume();
  }

  #suspendOrResume(): void {
    const { revocations, log, node } = this.#ports;
    if (!this.#suspension.set(revocations.isSilent())) return;
    if (this.isSuspended) log('error', 'node.suspended', { node, count: this.#connections.size });
    else log('info', 'node.resumed', { node, count: this.#connections.size });
  }

  /** A suspended node lets its entry run out: others take new connections better. */
  #entry(): NodeInfo | undefined {
    if (this.isSuspended) return undefined;
    return {
      node: this.#ports.node,
      url: this.#url,
      connections: this.#connections.size,
      fullness: this.#ports.fullness(),
      isDraining: this.#state !== 'ready',
    };
  }
}

interface Holder {
  readonly admit: (connection: Connection, ticket: string | undefined) => void;
  readonly release: (connection: Connection, isSlow: boolean) => void;
}

/** A class, for its methods are shared: three functions made for each of 10,000 connections cost it a kilobyte each. */
class Held implements ConnectionEvents {
  readonly #connection: Connection;
  readonly #holder: Holder;

  constructor(connection: Connection, holder: Holder) {
    this.#connection = connection;
    this.#holder = holder;
  }

  start(ticket: string | undefined): void {
    this.#holder.admit(this.#connection, ticket);
  }

  receive(text: string | undefined, bytes: number): void {
    this.#connection.receive(text, bytes);
  }

  ended(isSlow: boolean): void {
    this.#holder.release(this.#connection, isSlow);
  }
}
