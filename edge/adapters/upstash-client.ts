/**
 * A client of the Upstash REST protocol. Settings that matter, each against a default of the library: values come back
 * as the text they are (by default digits become numbers); one attempt, since a repeated `SET NX` would find its own mark
 * (`retry: false` still tries twice, `retries: 0` does not); no telemetry; commands travel in the pipelines that callers
 * write (not in automatic ones), so a call is one request; an abort signal bounds each request. The entry for Cloudflare
 * is used on every runtime, because the default one reads the process's environment.
 *
 * Its errors hold the whole command: they go into `cause`, and the log takes class and code of that only.
 */
import { Redis } from '@upstash/redis/cloudflare';

export interface UpstashClientOptions {
  readonly url: string;
  readonly token: string;
  /** Longest wait for one answer. */
  readonly timeoutMs: number;
  /** Numbers come back as numbers, which a library on top of it may count on. */
  readonly isDeserializing?: boolean;
}

export function createUpstashClient(options: UpstashClientOptions): Redis {
  const { url, token, timeoutMs, isDeserializing = false } = options;
  return new Redis({
    url,
    token,
    automaticDeserialization: isDeserializing,
    enableAutoPipelining: false,
    enableTelemetry: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(timeoutMs),
  });
}
