/**
 * A node whose stores are memory and whose tokens anybody can make: for what must be exact, or a million times. The real
 * ones are held against it in the other suites.
 */
import { fromBase64Url, toBase64Url } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Kind, Verifier } from '../../shared/token.ts';
import type { NodeLimits } from '../limits.ts';
import { createCounters } from '../metrics.ts';
import { OriginNode } from '../node.ts';
import type { Mailboxes, Presences, Socket } from '../ports.ts';
import { Revocations } from '../revocations.ts';
import { MemoryBroker } from './memory-broker.ts';

export interface MemoryNodeOptions {
  readonly limits?: Partial<NodeLimits>;
  readonly now?: () => number;
  readonly fanOut?: (topic: string, text: string) => void;
  /** Resolves when a ticket has been redeemed. */
  readonly redeem?: () => Promise<boolean>;
}

const ignore = () => undefined;

/** A node that is ready. Its timers never run. */
export async function createMemoryNode(options: MemoryNodeOptions = {}) {
  const { now = () => 0, fanOut = ignore, redeem = async () => true } = options;
  const broker = new MemoryBroker();
  const counters = createCounters();
  const faults: string[] = [];
  const log = (level: string, event: string) => void (level === 'error' && faults.push(event));
  const revocations = new Revocations({
    records: { readRevocations: async () => ({ tags: [], last: 0, head: 0, isWhole: true }) },
    control: { silentMs: () => 0, hint: async () => undefined, listen: async () => undefined },
    rereadMs: 30_000,
    now,
    log,
    setTimer: () => ignore,
  });
  const node = new OriginNode({
    node: 'n1',
    limits: { ...LIMITS, ...options.limits },
    broker,
    mailboxes: createMailboxes(),
    presences: createPresences(),
    registry: { announce: async () => undefined, withdraw: async () => undefined, nodes: async () => [] },
    redemptions: { redeem },
    revocations,
    verifier: CREDULOUS,
    fanOut,
    log,
    now,
    counters,
    fullness: () => 0,
    setTimer: () => ignore,
  });
  await node.start('ws://127.0.0.1:1');
  return { node, broker, counters, faults };
}

/** A token that says what it holds and whom nobody signed. */
export function tokenOf(kind: Kind, claims: object): string {
  return `${kind}.${toBase64Url(new TextEncoder().encode(JSON.stringify(claims)))}.unsigned`;
}

const CREDULOUS: Verifier = {
  verify: async (kind, token) => {
    const [said, claims = ''] = token.split('.');
    if (said !== kind) return 'refused';
    try {
      // A test signs nothing, so that the shape is what it wrote.
      return JSON.parse(new TextDecoder().decode(fromBase64Url(claims))) as never;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return 'refused';
      throw error;
    }
  },
};

/** A mailbox that takes everything and keeps nothing. */
function createMailboxes(): Mailboxes {
  let fence = 0;
  let seq = 0;
  const attachment = (mailbox: string) => {
    fence += 1;
    return { mailbox, epoch: 'epoch', fence };
  };
  return {
    post: async () => {
      seq += 1;
      return { outcome: 'queued', seq };
    },
    attach: async (mailbox) => attachment(mailbox),
    claim: async ({ mailbox }) => attachment(mailbox),
    read: async () => ({ epoch: 'epoch', items: [] }),
    ack: async () => 'deleted',
    watch: async () => undefined,
    unwatch: ignore,
    listen: ignore,
  };
}

function createPresences(): Presences {
  return {
    lifeMs: 60_000,
    show: async () => [],
    leave: async () => undefined,
    read: async () => ({ count: 0 }),
    watch: async () => undefined,
    unwatch: ignore,
    listen: ignore,
  };
}

/** Keeps what was sent; `joined` are its topics. */
export class RecordingSocket implements Socket {
  readonly sent: string[] = [];
  readonly joined = new Set<string>();
  closed: { readonly code: number; readonly reason: string } | undefined;

  send(text: string): 'sent' {
    if (this.closed !== undefined) throw new Failure('internal', { detail: 'Sent after the end' });
    this.sent.push(text);
    return 'sent';
  }

  bufferedBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  join(topic: string): void {
    this.joined.add(topic);
  }

  leave(topic: string): void {
    this.joined.delete(topic);
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }
}
