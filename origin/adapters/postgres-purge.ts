import { errorFields, type Log } from '../../shared/log.ts';

/** Marks live minutes, so a pass a minute keeps what is stored close to what is needed. */
const PURGE_INTERVAL_MS = 60_000;

/**
 * Deletes stored things that are past their time, once a minute for as long as the process lives. A pass that fails is
 * logged and the next one does its work. The result ends it.
 */
export function startPurging(store: { purge(): Promise<unknown> }, log: Log): () => void {
  const pass = () =>
    store.purge().catch((error: unknown) => {
      log('warn', 'postgres.purge_failed', { part: 'postgres', ...errorFields(error) });
    });
  const timer = setInterval(() => void pass(), PURGE_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
