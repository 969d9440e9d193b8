/**
 * What connections and accounts may ask of a node: commands, and bytes of their messages.
 *
 * An account is known by the daily sender tag of its tickets, and counted over all its connections at *this* node, not
 * over the cluster: what is protected is a node's time and its share of the relay, and both belong to the node. A count
 * over the cluster would cost a round trip to the relay before every command, or be late by as much as it saved; and an
 * account on all of N nodes has N connections, each of which its edge had to admit.
 */
import type { Tag } from '../shared/frame.ts';
import { TokenBucket } from './bucket.ts';
import type { NodeLimits } from './limits.ts';

/** One bucket of commands and one of bytes. */
export class Allowance {
  readonly #commands: TokenBucket;
  readonly #bytes: TokenBucket;
  /** When its place among the others was last taken, in milliseconds. */
  placedAtMs = 0;

  private constructor(commands: TokenBucket, bytes: TokenBucket) {
    this.#commands = commands;
    this.#bytes = bytes;
  }

  static ofConnection(limits: NodeLimits, nowMs: number): Allowance {
    const { commandsPerSecond, commandsBurst, bytesPerSecond, bytesBurst } = limits;
    return new Allowance(
      new TokenBucket({ perSecond: commandsPerSecond, burst: commandsBurst }, nowMs),
      new TokenBucket({ perSecond: bytesPerSecond, burst: bytesBurst }, nowMs),
    );
  }

  static ofAccount(limits: NodeLimits, nowMs: number): Allowance {
    const { accountCommandsPerSecond, accountCommandsBurst, accountBytesPerSecond, accountBytesBurst } =
      limits;
    return new Allowance(
      new TokenBucket({ perSecond: accountCommandsPerSecond, burst: accountCommandsBurst }, nowMs),
      new TokenBucket({ perSecond: accountBytesPerSecond, burst: accountBytesBurst }, nowMs),
    );
  }

  /** 0 when a command of `bytes` may come now, else in how many milliseconds. */
  waitMs(bytes: number, nowMs: number): number {
    return Math.max(this.#commands.waitMs(1, nowMs), this.#bytes.waitMs(bytes, nowMs));
  }

  spend(bytes: number, nowMs: number): void {
    this.#commands.take(1, nowMs);
    this.#bytes.take(bytes, nowMs);
  }

  isUntouched(nowMs: number): boolean {
    return this.#commands.isFull(nowMs) && this.#bytes.isFull(nowMs);
  }
}

/**
 * A command of `bytes` under several allowances: 0 and all of them are charged, or the longest wait of any in
 * milliseconds and none is, so that a connection over its own limit costs the others of its account nothing.
 */
export function draw(allowances: readonly Allowance[], bytes: number, nowMs: number): number {
  let waitMs = 0;
  for (const allowance of allowances) waitMs = Math.max(waitMs, allowance.waitMs(bytes, nowMs));
  if (waitMs === 0) for (const allowance of allowances) allowance.spend(bytes, nowMs);
  return waitMs;
}

/** How exactly the order of accounts tells which one was asked for longest ago. */
const PLACE_MS = 100;

/**
 * The allowances of accounts, made when they are first asked for. Bounded: beyond `accountsCounted` the one that was
 * asked for longest ago is forgotten, and `sweep` forgets those that have refilled, so that no account's tag stays here
 * once it has been quiet for as long as its bucket takes to fill.
 */
export class AccountAllowances {
  readonly #limits: NodeLimits;
  /** Longest unasked first. */
  readonly #held = new Map<Tag, Allowance>();

  constructor(limits: NodeLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#held.size;
  }

  of(account: Tag, nowMs: number): Allowance {
    const held = this.#held.get(account);
    // Two more operations on a map of all accounts are too dear for every command.
    if (held !== undefined && Math.abs(nowMs - held.placedAtMs) < PLACE_MS) return held;
    const allowance = held ?? Allowance.ofAccount(this.#limits, nowMs);
    allowance.placedAtMs = nowMs;
    this.#held.delete(account);
    this.#held.set(account, allowance);
    if (this.#held.size > this.#limits.accountsCounted) this.#forgetOldest();
    return allowance;
  }

  #forgetOldest(): void {
    const [oldest] = this.#held.keys();
    if (oldest !== undefined) this.#held.delete(oldest);
  }

  /** Forgets what a new allowance would equal; stops at the first that is still in use. */
  sweep(nowMs: number): void {
    for (const [account, allowance] of this.#held) {
      if (!allowance.isUntouched(nowMs)) return;
      this.#held.delete(account);
    }
  }
}
