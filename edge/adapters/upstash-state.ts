/** The state Redis over the Upstash REST protocol: each call is one request. */
import type { Redis } from '@upstash/redis/cloudflare';
import { Failure } from '../../shared/failure.ts';
import type { Tag } from '../../shared/frame.ts';
import { LOCKOUT } from '../../shared/lockout.ts';
import type {
  Copy,
  CopyKey,
  FactorKeys,
  FactorMemory,
  FailureCount,
  Failures,
  HeldCopy,
  Looked,
  Mark,
  State,
} from '../ports.ts';
import { createUpstashClient } from './upstash-client.ts';
import { dropPackages, keepPackages, stocked, takePackages } from './upstash-packages.ts';

export interface UpstashStateOptions {
  readonly url: string;
  readonly token: string;
  /** Longest wait for one answer. */
  readonly timeoutMs?: number;
}

/** Ten times what a far region takes; a client that waits longer has gone to try again. */
const TIMEOUT_MS = 2_000;

/**
 * KEYS[i] a copy's key; ARGV[4i-3] its version, ARGV[4i-2] `keep` or `replace` on equal versions, ARGV[4i-1] expiry in
 * seconds since 1970, ARGV[4i] the value `<version>:<sealed>`. Answers how many were written. Atomic as a whole.
 * A held value that has no readable version counts as older than any.
 */
const PUT_SCRIPT = `
local written = 0
for i, key in ipairs(KEYS) do
  local version = tonumber(ARGV[4 * i - 3])
  local held = tonumber(string.match(redis.call('GET', key) or '', '^(%d+):')) or 0
  if version > held or (version == held and ARGV[4 * i - 2] == 'replace') then
    redis.call('SET', key, ARGV[4 * i], 'EXAT', ARGV[4 * i - 1])
    written = written + 1
  end
end
return written`;

/**
 * KEYS[1] last used step of an account, KEYS[2] failures of a device (as below); ARGV[1] step, ARGV[2] seconds it is
 * remembered, ARGV[3] now in seconds. Answers 1, or 0 when this step or a later one was used or the device is locked.
 * Atomic.
 */
const USE_STEP_SCRIPT = `
local til = tonumber(string.match(redis.call('GET', KEYS[2]) or '', ':(%d+)$')) or 0
if til > tonumber(ARGV[3]) then return 0 end
if tonumber(ARGV[1]) <= (tonumber(redis.call('GET', KEYS[1]) or '0') or 0) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1`;
/** Longer than the code of a step can be right. */
const STEP_SECONDS = 180;

/**
 * KEYS[1] failures of a device, held as `<failures>:<locked until, in seconds since 1970>`; ARGV[1] failures to add,
 * ARGV[2] least number there must be then, ARGV[3] now in seconds, ARGV[4] seconds it is remembered, ARGV[5..7] failures
 * per lock, seconds of the first lock, seconds of the longest. Adds nothing while a lock lasts; locks, from now on, when
 * there is another lock to be told than before. Answers both numbers. Atomic.
 */
const COUNT_SCRIPT = `
local was, til = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(%d+)$')
was, til = tonumber(was) or 0, tonumber(til) or 0
local add = til > tonumber(ARGV[3]) and 0 or tonumber(ARGV[1])
local now = math.max(was + add, tonumber(ARGV[2]))
local locks = math.floor(now / tonumber(ARGV[5]))
if locks > math.floor(was / tonumber(ARGV[5])) then
  til = tonumber(ARGV[3]) + math.min(tonumber(ARGV[6]) * 2 ^ (locks - 1), tonumber(ARGV[7]))
end
if now > 0 then redis.call('SET', KEYS[1], string.format('%d:%d', now, til), 'EX', ARGV[4]) end
return {now, til}`;
/** 30 days: whoever comes back later, with five failures or more behind it, waits out its lock once more. */
const FAILURES_SECONDS = 30 * 86_400;

export function createUpstashState({ url, token, timeoutMs = TIMEOUT_MS }: UpstashStateOptions): State {
  const redis = createUpstashClient({ url, token, timeoutMs });
  const trip = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (cause) {
      throw new Failure('unavailable', { cause });
    }
  };
  return {
    look: (keys) => trip(() => look(redis, keys)),
    redeem: (mark, keys) => trip(() => redeem(redis, mark, keys)),
    put: (copies) => trip(() => put(redis, copies)),
    drop: (keys) => trip(() => drop(redis, keys)),
    recall: (keys) => trip(() => recall(redis, keys)),
    useStep: (keys, use) => trip(() => useStep(redis, keys, use)),
    countFailures: (device, count) => trip(() => countFailures(redis, device, count)),
    stocked: (accounts) => trip(() => stocked(redis, accounts)),
    takePackages: (lists) => trip(() => takePackages(redis, lists)),
    keepPackages: (lists) => trip(() => keepPackages(redis, lists)),
    dropPackages: (list) => trip(() => dropPackages(redis, list)),
    forget: (gone) => trip(() => forget(redis, gone)),
    ping: () => trip(async () => void (await redis.ping())),
  };
}

async function look(redis: Redis, keys: readonly CopyKey[]): Promise<Looked> {
  if (keys.length === 0) return { held: [] };
  const values = await redis.mget<(string | null)[]>(keys.map(nameOf));
  return { held: keys.map((_, i) => parse(values[i])) };
}

async function redeem(redis: Redis, { tag, lifeSeconds }: Mark, keys: readonly CopyKey[]) {
  const pipeline = redis.pipeline();
  pipeline.set(`hw1:once:${tag}`, '1', { nx: true, ex: lifeSeconds });
  if (keys.length > 0) pipeline.mget(keys.map(nameOf));
  const [marked, values] = await pipeline.exec<[string | null, (string | null)[] | undefined]>();
  return { isFresh: marked === 'OK', held: keys.map((_, i) => parse(values?.[i])) };
}

async function put(redis: Redis, copies: readonly Copy[]): Promise<void> {
  if (copies.length === 0) return;
  const values = copies.flatMap(({ version, onEqual, expiresAtMs, sealed }) => [
    String(version),
    onEqual,
    String(Math.floor(expiresAtMs / 1_000)),
    `${version}:${sealed}`,
  ]);
  await redis.eval(PUT_SCRIPT, copies.map(nameOf), values);
}

async function drop(redis: Redis, keys: readonly CopyKey[]): Promise<void> {
  if (keys.length > 0) await redis.unlink(...keys.map(nameOf));
}

async function recall(redis: Redis, keys: FactorKeys): Promise<FactorMemory> {
  const [step, held] = await redis.mget<(string | null)[]>(namesOf(keys));
  const [, failures, til] = /^(\d{1,9}):(\d{1,12})$/.exec(held ?? '') ?? [];
  return {
    lastStep: /^\d{1,12}$/.test(step ?? '') ? Number(step) : 0,
    failures: Number(failures ?? 0),
    lockedUntilMs: Number(til ?? 0) * 1_000,
  };
}

async function useStep(redis: Redis, keys: FactorKeys, { step, nowMs }: { step: number; nowMs: number }) {
  const values = [step, STEP_SECONDS, Math.ceil(nowMs / 1_000)].map(String);
  return (await redis.eval(USE_STEP_SCRIPT, namesOf(keys), values)) === 1;
}

async function countFailures(redis: Redis, device: Tag, count: FailureCount): Promise<Failures> {
  const { failuresPerLock, firstLockMs, longestLockMs } = LOCKOUT;
  const { add, atLeast, nowMs } = count;
  const [failures, til] = await redis.eval<string[], [number, number]>(
    COUNT_SCRIPT,
    [`hw1:lock:${device}`],
    [
      add,
      atLeast,
      Math.ceil(nowMs / 1_000),
      FAILURES_SECONDS,
      failuresPerLock,
      firstLockMs / 1_000,
      longestLockMs / 1_000,
    ].map(String),
  );
  return { failures, lockedUntilMs: til * 1_000 };
}

async function forget(
  redis: Redis,
  { accounts, devices }: { readonly accounts: readonly Tag[]; readonly devices: readonly Tag[] },
): Promise<void> {
  const names = [
    ...accounts.flatMap((tag) => ['totp', 'totpused', 'kpkg'].map((kind) => `hw1:${kind}:${tag}`)),
    ...devices.map((tag) => `hw1:lock:${tag}`),
  ];
  if (names.length > 0) await redis.unlink(...names);
}

function namesOf({ account, device }: FactorKeys): [string, string] {
  return [`hw1:totpused:${account}`, `hw1:lock:${device}`];
}

function nameOf({ kind, tag }: CopyKey): string {
  return `hw1:${kind}:${tag}`;
}

/** A value of another form is unknown to us, as a missing one is. */
function parse(value: string | null | undefined): HeldCopy | undefined {
  const [, version, sealed] = /^(\d{1,9}):(.+)$/.exec(value ?? '') ?? [];
  return version === undefined || sealed === undefined ? undefined : { version: Number(version), sealed };
}
