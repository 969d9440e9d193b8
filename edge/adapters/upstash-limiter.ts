/**
 * Budgets over the Upstash REST protocol, by the library made for it. Its defaults that are changed here: it waits 5 s
 * and then allows (here the caller decides what silence means), counts for statistics, and reports its version. It stays
 * at 2.0: from 2.1 on its scripts carry a flag that only the hosted service knows, and any other Redis refuses them.
 */
import { Ratelimit } from '@upstash/ratelimit';
import { errorFields, type Log } from '../../shared/log.ts';
import type { Budgets, LimitName } from '../limits.ts';
import type { Limiter, Verdict } from '../ports.ts';
import { createUpstashClient } from './upstash-client.ts';

export interface UpstashLimiterOptions {
  readonly url: string;
  readonly token: string;
  readonly budgets: Budgets;
  /** Longest wait for a verdict. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export function createUpstashLimiter(options: UpstashLimiterOptions): Limiter {
  const { url, token, budgets, timeoutMs, log } = options;
  // Twice its patience: what comes late is not waited for, but need not be cut off either.
  const redis = createUpstashClient({ url, token, timeoutMs: timeoutMs * 2, isDeserializing: true });
  const create = (name: LimitName): Ratelimit => {
    const { calls, windowSeconds } = budgets[name];
    return new Ratelimit({
      redis,
      limiter: Ratelimit.slidingWindow(calls, `${windowSeconds} s`),
      prefix: `hw1:rl:${name}`,
      timeout: timeoutMs,
      analytics: false,
      // It would remember who is over a budget in a map without a bound.
      ephemeralCache: false,
    });
  };
  const limits = Object.fromEntries(
    (Object.keys(budgets) as LimitName[]).map((name) => [name, create(name)]),
  ) as Record<LimitName, Ratelimit>;

  return {
    draw: async (name, tag): Promise<Verdict> => {
      try {
        const { success, reason, reset } = await limits[name].limit(tag);
        if (reason === 'timeout') {
          log('warn', 'limiter.late', { part: 'state' });
          return 'unknown';
        }
        return success ? 'allowed' : { retryAfterMs: Math.max(reset - Date.now(), 1) };
      } catch (error) {
        log('warn', 'limiter.failed', { part: 'state', ...errorFields(error) });
        return 'unknown';
      }
    },
  };
}
