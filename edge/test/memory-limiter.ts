import { budgetsOf, type LimitName, type LimitProfile } from '../limits.ts';
import type { Clock, Limiter, Verdict } from '../ports.ts';

/** Budgets in memory, with the rules of the real ones. */
export interface MemoryLimiter extends Limiter {
  /** From now on every verdict is `unknown`, or a verdict again. */
  setDown(isDown: boolean): void;
}

export function createMemoryLimiter(clock: Clock, profile: LimitProfile = 'default'): MemoryLimiter {
  const budgets = budgetsOf(profile);
  const calls = new Map<string, number[]>();
  let isDown = false;
  const draw = async (name: LimitName, tag: string): Promise<Verdict> => {
    if (isDown) return 'unknown';
    const { calls: most, windowSeconds } = budgets[name];
    const windowMs = windowSeconds * 1_000;
    const nowMs = clock.now();
    const recent = (calls.get(`${name} ${tag}`) ?? []).filter((atMs) => atMs > nowMs - windowMs);
    const [oldest = nowMs] = recent;
    if (recent.length >= most) return { retryAfterMs: oldest + windowMs - nowMs };
    calls.set(`${name} ${tag}`, [...recent, nowMs]);
    return 'allowed';
  };
  return {
    draw,
    setDown: (down) => {
      isDown = down;
    },
  };
}
