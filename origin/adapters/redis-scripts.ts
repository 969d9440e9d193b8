/** Lua scripts by digest: loading them, and running many calls in one pipeline. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { Failure } from '../../shared/failure.ts';

export interface Script {
  readonly source: string;
  readonly sha: string;
}
/** One script call and what to do with its reply; `error` is undefined exactly when there is a reply. */
export interface Call {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  settle(error: unknown, reply: unknown): void;
}

/** Runs calls in one pipeline and settles each. Never throws. */
export async function runCalls(redis: Redis, calls: readonly Call[]): Promise<void> {
  const missing = await runOnce(redis, calls);
  if (missing.length === 0) return;
  // Somebody flushed the server's script cache: load again and repeat once what was not executed.
  try {
    await loadScripts(redis, new Set(missing.map(({ script }) => script)));
  } catch (error) {
    for (const call of missing) call.settle(error, undefined);
    return;
  }
  for (const call of await runOnce(redis, missing)) call.settle(new Error('NOSCRIPT twice'), undefined);
}

/** Settles what was executed; returns the calls that the server refused for want of the script. */
async function runOnce(redis: Redis, calls: readonly Call[]): Promise<Call[]> {
  const pipeline = redis.pipeline();
  for (const { script, keys, args } of calls) pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
  const missing: Call[] = [];
  try {
    const replies = (await pipeline.exec()) ?? [];
    calls.forEach((call, index) => {
      const [error, reply] = replies[index] ?? [new Error('No reply'), undefined];
      if (error?.message.startsWith('NOSCRIPT')) missing.push(call);
      else call.settle(error ?? undefined, reply);
    });
  } catch (error) {
    for (const call of calls) call.settle(error, undefined);
  }
  return missing;
}

/** Every fault of the relay is `unavailable` to a client: what happened to the command is unknown, a retry is safe. */
export function translate(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('unavailable', { cause: error });
}

/** A script made of files of `lua/`, in this order: shared functions first. */
export function loadScript(...names: readonly string[]): Script {
  const source = names
    .map((name) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8'))
    .join('\n');
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** Makes the server know the scripts. */
export async function loadScripts(redis: Redis, scripts: Iterable<Script>): Promise<void> {
  for (const { source } of scripts) await redis.script('LOAD', source);
}
