/**
 * Claimed key packages in the state Redis: a hash per account, with a field for each list. The sealed packages of a list
 * stand in it oldest first, joined by commas, which no seal contains; a list without any has no field.
 */
import type { Redis } from '@upstash/redis/cloudflare';
import type { Tag } from '../../shared/frame.ts';
import type { Sealed } from '../../shared/internal/records.ts';
import type { KeptPackages, PackageList } from '../ports.ts';

/** KEYS[i] hash, ARGV[i] list: takes the oldest package out. Answers each, '' for none. Atomic as a whole. */
const TAKE_SCRIPT = `
local taken = {}
for i, key in ipairs(KEYS) do
  local first, rest = string.match(redis.call('HGET', key, ARGV[i]) or '', '^([^,]+),?(.*)$')
  taken[i] = first or ''
  if rest == '' then redis.call('HDEL', key, ARGV[i]) elseif first then redis.call('HSET', key, ARGV[i], rest) end
end
return taken`;

/**
 * KEYS[i] hash, ARGV[3i-2] list, ARGV[3i-1] packages joined by commas, ARGV[3i] expiry of the hash in seconds since 1970.
 * Atomic as a whole.
 */
const KEEP_SCRIPT = `
for i, key in ipairs(KEYS) do
  local held = redis.call('HGET', key, ARGV[3 * i - 2])
  redis.call('HSET', key, ARGV[3 * i - 2], held and held .. ',' .. ARGV[3 * i - 1] or ARGV[3 * i - 1])
  redis.call('EXPIREAT', key, ARGV[3 * i])
end
return 1`;

export async function stocked(redis: Redis, accounts: readonly Tag[]): Promise<readonly (readonly Tag[])[]> {
  if (accounts.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const account of accounts) pipeline.hkeys(nameOf(account));
  return pipeline.exec<Tag[][]>();
}

export async function takePackages(
  redis: Redis,
  lists: readonly PackageList[],
): Promise<readonly (Sealed | undefined)[]> {
  if (lists.length === 0) return [];
  const keys = lists.map(({ account }) => nameOf(account));
  const values = lists.map(({ list }) => list);
  const taken = await redis.eval<string[], Sealed[]>(TAKE_SCRIPT, keys, values);
  return lists.map((_, i) => taken[i] || undefined);
}

export async function keepPackages(redis: Redis, lists: readonly KeptPackages[]): Promise<void> {
  if (lists.length === 0) return;
  const values = lists.flatMap(({ list, packages, expiresAtMs }) => [
    list,
    packages.join(','),
    String(Math.floor(expiresAtMs / 1_000)),
  ]);
  const keys = lists.map(({ account }) => nameOf(account));
  await redis.eval(KEEP_SCRIPT, keys, values);
}

export async function dropPackages(redis: Redis, { account, list }: PackageList): Promise<void> {
  await redis.hdel(nameOf(account), list);
}

function nameOf(account: Tag): string {
  return `hw1:kpkg:${account}`;
}
