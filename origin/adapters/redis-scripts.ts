/** Commands and Lua scripts as calls, and running many of them on one server in one pipeline. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { Failure } from '../../shared/failure.ts';
import type { RedisLink } from './redis-link.ts';

export interface Script {
  readonly source: string;
  readonly sha: string;
}
export type Argument = string | number;

interface AnyCall {
  /** Decides which server it goes to; all its keys are in there. */
  readonly partition: number;
  readonly args: readonly Argument[];
  /** What to do with the reply; `error` is undefined exactly when there is one. */
  settle(error: unknown, reply: unknown): void;
}
/** Its ARGV are the run id of the server that runs it, put there by whoever sends it there, and then `args`. */
export interface ScriptCall extends AnyCall {
  readonly script: Script;
  readonly keys: readonly string[];
}
export interface CommandCall extends AnyCall {
  readonly command: string;
}
export type Call = ScriptCall | CommandCall;

/** A call that the server did not execute because its partition is elsewhere; `address` is `host:port`. */
export interface Redirected {
  readonly call: Call;
  /** `moved`: for good · `ask`: only this call, while the slot moves (Redis Cluster specification, "Redirection"). */
  readonly kind: 'moved' | 'ask';
  readonly address: string;
}

export interface RunOptions {
  /** The calls were sent here by `ask`. */
  readonly isAsked?: boolean;
}

/** Runs calls in one pipeline and settles each, except those it gives back. Never throws. */
export async function runCalls(
  link: RedisLink,
  calls: readonly Call[],
  options: RunOptions = {},
): Promise<Redirected[]> {
  const { missing, redirected } = await runOnce(link, calls, options);
  if (missing.length === 0) return redirected;
  // Somebody flushed the server's script cache: load again and repeat once what was not executed.
  try {
    await loadScripts(link.redis, new Set(missing.map(({ script }) => script)));
  } catch (error) {
    for (const call of missing) call.settle(error, undefined);
    return redirected;
  }
  const again = await runOnce(link, missing, options);
  for (const call of again.missing) call.settle(new Error('NOSCRIPT twice'), undefined);
  return [...redirected, ...again.redirected];
}

interface Unsettled {
  readonly missing: ScriptCall[];
  readonly redirected: Redirected[];
}

/** Settles what was executed or failed; gives back what the server did not execute and why. */
async function runOnce(link: RedisLink, calls: readonly Call[], options: RunOptions): Promise<Unsettled> {
  const { isAsked = false } = options;
  const unsettled: Unsettled = { missing: [], redirected: [] };
  const { runId } = link;
  if (runId === undefined) {
    settleAll(calls, new Failure('unavailable', { detail: 'The relay is away' }));
    return unsettled;
  }
  const pipeline = link.redis.pipeline();
  for (const call of calls) {
    if (isAsked) pipeline.asking();
    if ('script' in call)
      pipeline.evalsha(call.script.sha, call.keys.length, ...call.keys, runId, ...call.args);
    else pipeline.call(call.command, ...call.args);
  }
  try {
    const replies = (await pipeline.exec()) ?? [];
    const stride = isAsked ? 2 : 1;
    for (const [index, call] of calls.entries()) {
      const [error, reply] = replies[(index + 1) * stride - 1] ?? [new Error('No reply'), undefined];
      if (error === null) call.settle(undefined, reply);
      else sort(call, error, { link, unsettled });
    }
  } catch (error) {
    settleAll(calls, error);
  }
  return unsettled;
}

/** Redis' error replies begin with a code of one word. */
function sort(
  call: Call,
  error: Error,
  { link, unsettled }: { readonly link: RedisLink; readonly unsettled: Unsettled },
): void {
  const [code, , address = ''] = error.message.split(' ');
  if (code === 'NOSCRIPT' && 'script' in call) unsettled.missing.push(call);
  else if (code === 'MOVED') unsettled.redirected.push({ call, kind: 'moved', address });
  else if (code === 'ASK') unsettled.redirected.push({ call, kind: 'ask', address });
  else {
    // A master that became a replica: behind the same address there may be the new master by now.
    if (code === 'READONLY') link.renew();
    call.settle(error, undefined);
  }
}

function settleAll(calls: readonly Call[], error: unknown): void {
  for (const call of calls) call.settle(error, undefined);
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
