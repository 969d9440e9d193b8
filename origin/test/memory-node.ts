/**
 * A node whose stores are memory and whose tokens anybody can make: for what must be exact, or a million times. The real
 * ones are held against it in the other suites.
 */
import { toBase64Url } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { Kind, Verifier } from '../../shared/token.ts';
import type { NodeLimits } from '../limits.ts';
import { createCounters } from '../metrics.ts';
import { OriginNode } from '../node.ts';
import type { Broker, Mailboxes, Presences, Socket } from '../ports.ts';
import { Revocations } from '../revocations.ts';
import { MemoryBroker } from './memory-broker.ts';

export interface MemoryNodeOptions {
  readonly limits?: Partial<NodeLimits>;
  readonly broker?: Broker;
  readonly now?: () => number;
  readonly fanOut?: (topic: string, text: string) => void;
  /** Resolves when a ticket has been redeemed. */
  readonly redeem?: () => Promise<boolean>;
}

const EPOCH = 'E'.repeat(22);
const ignore = () => undefined;

/** A node that is ready. Its timers never run. */
export async function createMemoryNode(options: MemoryNodeOptions = {}) {
  const { now = () => 0, fanOut = ignore, redeem = async () => true } = options;
  const broker = options.broker ?? new MemoryBroker();
  const counters = createCounters();
  const faults: string[] = [];
  const log: Log = (level, event, fields) => {
    if (level === 'error') faults.push(`${event} ${JSON.stringify(fields)}`);
  };
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
  return { node, counters, faults };
}

/** What was issued, instead of signatures: any other token is refused, whatever it says. */
const ISSUED = new Map<string, { readonly kind: Kind; readonly claims: object }>();

/** A token with these claims; the same ones give the same token. */
export function tokenOf(kind: Kind, claims: object): string {
  const token = `${kind}.${toBase64Url(new TextEncoder().encode(JSON.stringify(claims)))}.unsigned`;
  ISSUED.set(token, { kind, claims });
  return token;
}

const CREDULOUS: Verifier = {
  verify: async (kind, token) => {
    const issued = ISSUED.get(token);
    // Whoever issues here gives the claims that belong to the kind.
    return issued?.kind === kind ? (issued.claims as never) : 'refused';
  },
};

/** A mailbox that takes everything and keeps nothing. */
function createMailboxes(): Mailboxes {
  let fence = 0;
  let seq = 0;
  const attachment = (mailbox: string) => {
    fence += 1;
    return { mailbox, epoch: EPOCH, fence };
  };
  return {
    post: async () => {
      seq += 1;
      return { outcome: 'queued', seq };
    },
    attach: async (mailbox) => attachment(mailbox),
    claim: async ({ mailbox }) => attachment(mailbox),
    read: async () => ({ epoch: EPOCH, items: [] }),
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
