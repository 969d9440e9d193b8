/** Whether k6 itself keeps up: timers that come late tell that it, or this machine, has no time left. */
import { clearInterval, setInterval } from 'k6/timers';
import { lag, nowMs } from './promises.ts';

declare const console: { log(text: string): void };

const EVERY_MS = 100;

/** Measures until then; runs in a virtual user of its own, which has nothing else to do. */
export function watchGenerator({
  fromMs,
  untilMs,
}: {
  readonly fromMs: number;
  readonly untilMs: number;
}): Promise<void> {
  let dueMs = nowMs() + EVERY_MS;
  let isCounting = false;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const atMs = nowMs();
      if (atMs >= fromMs && !isCounting) {
        isCounting = true;
        // For `npm run loadtest`, which does to the stack now what the scenario is about.
        console.log('COUNTS FROM NOW');
      }
      if (isCounting) lag.add(Math.max(atMs - dueMs, 0));
      dueMs = atMs + EVERY_MS;
      if (atMs < untilMs) return;
      clearInterval(timer);
      resolve();
    }, EVERY_MS);
  });
}
