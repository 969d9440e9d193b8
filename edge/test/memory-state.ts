import { Failure } from '../../shared/failure.ts';
import { lockMs, locksOf } from '../../shared/lockout.ts';
import type { Clock, Copy, CopyKey, Failures, HeldCopy, Looked, State } from '../ports.ts';

interface Passing<T> {
  readonly value: T;
  readonly expiresAtMs: number;
}
type Entry = Passing<HeldCopy>;

const NO_FAILURES: Failures = { failures: 0, lockedUntilMs: 0 };
const STEP_MS = 180_000;
const FAILURES_MS = 30 * 86_400_000;

/** The state Redis in memory, with its rules: marks redeem once, copies expire, newer versions stay. */
export interface MemoryState extends State {
  /** Loses everything, as a real one may. */
  empty(): void;
  /** From now on every call fails, or works again. */
  setDown(isDown: boolean): void;
  /** The same for `put` alone: a store that is full can still be read. */
  setPutDown(isDown: boolean): void;
  /** The copies that are held, by key, expired ones left out; for tests that look at or tamper with them. */
  readonly copies: Map<string, Entry>;
}

export function createMemoryState(clock: Clock): MemoryState {
  const copies = new Map<string, Entry>();
  const marks = new Map<string, number>();
  const steps = new Map<string, Passing<number>>();
  const failures = new Map<string, Passing<Failures>>();
  const packages = new Map<string, Map<string, string[]>>();
  let isDown = false;
  let isPutDown = false;
  const answer = async <T>(run: () => T): Promise<T> => {
    if (isDown) throw new Failure('unavailable');
    for (const [key, { expiresAtMs }] of copies) if (expiresAtMs <= clock.now()) copies.delete(key);
    for (const [tag, expiresAtMs] of marks) if (expiresAtMs <= clock.now()) marks.delete(tag);
    for (const map of [steps, failures])
      for (const [tag, { expiresAtMs }] of map) if (expiresAtMs <= clock.now()) map.delete(tag);
    return run();
  };
  const looked = (keys: readonly CopyKey[]): Looked => ({
    held: keys.map((key) => copies.get(nameOf(key))?.value),
  });
  return {
    copies,
    empty: () => {
      copies.clear();
      marks.clear();
      steps.clear();
      failures.clear();
      packages.clear();
    },
    setDown: (down) => {
      isDown = down;
    },
    setPutDown: (down) => {
      isPutDown = down;
    },
    look: (keys) => answer(() => looked(keys)),
    redeem: (mark, keys) =>
      answer(() => {
        const isFresh = !marks.has(mark.tag);
        if (isFresh) marks.set(mark.tag, clock.now() + mark.lifeSeconds * 1_000);
        return { isFresh, ...looked(keys) };
      }),
    put: (list) =>
      answer(() => {
        if (isPutDown) throw new Failure('unavailable');
        for (const copy of list)
          if (mayReplace(copy, copies.get(nameOf(copy))?.value)) copies.set(nameOf(copy), entryOf(copy));
      }),
    recall: ({ account, device }) =>
      answer(() => ({
        lastStep: steps.get(account)?.value ?? 0,
        ...(failures.get(device)?.value ?? NO_FAILURES),
      })),
    useStep: ({ account, device }, { step, nowMs }) =>
      answer(() => {
        if ((failures.get(device)?.value.lockedUntilMs ?? 0) > nowMs) return false;
        if (step <= (steps.get(account)?.value ?? 0)) return false;
        steps.set(account, { value: step, expiresAtMs: clock.now() + STEP_MS });
        failures.delete(device);
        return true;
      }),
    countFailures: (device, { add, atLeast, nowMs }) =>
      answer(() => {
        const was = failures.get(device)?.value ?? NO_FAILURES;
        const wholeMs = Math.ceil(nowMs / 1_000) * 1_000;
        const now = Math.max(was.failures + (was.lockedUntilMs > wholeMs ? 0 : add), atLeast);
        const isLocked = locksOf(now) > locksOf(was.failures);
        const lockedUntilMs = isLocked ? wholeMs + lockMs(now) : was.lockedUntilMs;
        const value = { failures: now, lockedUntilMs };
        if (now > 0) failures.set(device, { value, expiresAtMs: clock.now() + FAILURES_MS });
        return value;
      }),
    stocked: (accounts) =>
      answer(() => accounts.map((account) => [...(packages.get(account)?.keys() ?? [])])),
    takePackages: (lists) =>
      answer(() =>
        lists.map(({ account, list }) => {
          const held = packages.get(account);
          const [first, ...rest] = held?.get(list) ?? [];
          if (rest.length > 0) held?.set(list, rest);
          else held?.delete(list);
          return first;
        }),
      ),
    keepPackages: (lists) =>
      answer(() => {
        if (isPutDown) throw new Failure('unavailable');
        for (const { account, list, packages: kept } of lists) {
          const held = packages.get(account) ?? new Map<string, string[]>();
          packages.set(account, held.set(list, [...(held.get(list) ?? []), ...kept]));
        }
      }),
    dropPackages: ({ account, list }) => answer(() => void packages.get(account)?.delete(list)),
    drop: (keys) =>
      answer(() => {
        for (const key of keys) copies.delete(nameOf(key));
      }),
    forget: ({ accounts, devices }) =>
      answer(() => {
        for (const tag of accounts) {
          copies.delete(nameOf({ kind: 'totp', tag }));
          steps.delete(tag);
          packages.delete(tag);
        }
        for (const tag of devices) failures.delete(tag);
      }),
    ping: () => answer(() => undefined),
  };
}

function mayReplace(copy: Copy, held: HeldCopy | undefined): boolean {
  if (held === undefined || copy.version > held.version) return true;
  return copy.version === held.version && copy.onEqual === 'replace';
}

function entryOf({ version, sealed, expiresAtMs }: Copy): Entry {
  return { value: { version, sealed }, expiresAtMs };
}

function nameOf({ kind, tag }: CopyKey): string {
  return `${kind}:${tag}`;
}
