/**
 * The state Redis over the Upstash REST protocol. Settings that matter, each against a default of the library:
 * values come back as the text they are (by default digits become numbers); one attempt, since a repeated `SET NX` would
 * find its own mark (`retry: false` still tries twice, `retries: 0` does not); no telemetry; commands travel in the
 * pipelines written here (not in automatic ones), so a call is one request; an abort signal bounds each request. The
 * entry for Cloudflare is used on every runtime, because the default one reads the process's environment.
 *
 * Its errors hold the whole command: they go into `cause`, and the log takes class and code of that only.
 */
import { Redis } from '@upstash/redis/cloudflare';
import { Failure } from '../../shared/failure.ts';
import type { Copy, CopyKey, HeldCopy, Looked, Mark, State } from '../ports.ts';

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

export function createUpstashState({ url, token, timeoutMs = TIMEOUT_MS }: UpstashStateOptions): State {
  const redis = new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(timeoutMs),
  });
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

function nameOf({ kind, tag }: CopyKey): string {
  return `hw1:${kind}:${tag}`;
}

/** A value of another form is unknown to us, as a missing one is. */
function parse(value: string | null | undefined): HeldCopy | undefined {
  const [, version, sealed] = /^(\d{1,9}):(.+)$/.exec(value ?? '') ?? [];
  return version === undefined || sealed === undefined ? undefined : { version: Number(version), sealed };
}
