/**
 * JSON lines with a closed set of fields: what is not in `LogFields` cannot be logged, so neither payloads, tokens,
 * query strings nor a driver's error (whose properties may hold command arguments) ever reach a log.
 */
export interface LogFields {
  readonly node?: string;
  readonly connection?: string;
  readonly channel?: string;
  readonly requestId?: string;
  /** A failure code, a close code, or an operating system's error code such as ECONNREFUSED. */
  readonly code?: string | number;
  /** Which outside part: `relay`, `postgres`, `state`, `origin`. */
  readonly part?: string;
  readonly method?: string;
  /** The route's pattern, never the requested path. */
  readonly route?: string;
  readonly status?: number;
  readonly port?: number;
  readonly ms?: number;
  readonly count?: number;
  readonly version?: string;
  /** Name of an error's class; never its message. */
  readonly error?: string;
}
export type Level = 'info' | 'warn' | 'error';
export type Log = (level: Level, event: string, fields?: LogFields) => void;

const THROTTLE_WINDOW_MS = 10_000;
const THROTTLE_LINES = 20;

export interface LogOptions {
  readonly write: (line: string) => void;
  readonly now: () => number;
  readonly service: 'edge' | 'origin';
}

/**
 * A log whose lines hold level, service, event and the allowed fields. At most 20 lines per event and code in 10 s;
 * the first line after a pause tells in `suppressed` how many were left out. Times are whole minutes: finer ones
 * would tell who was active when.
 */
export function createLog({ write, now, service }: LogOptions): Log {
  const windows = new Map<string, { startMs: number; lines: number }>();
  return (level, event, fields = {}) => {
    const key = `${event} ${fields.code ?? ''}`;
    const nowMs = now();
    const last = windows.get(key);
    const isOpen = last !== undefined && nowMs - last.startMs < THROTTLE_WINDOW_MS;
    const current = isOpen ? last : { startMs: nowMs, lines: 0 };
    current.lines += 1;
    windows.set(key, current);
    if (current.lines > THROTTLE_LINES) return;
    const suppressed = !isOpen && last !== undefined ? Math.max(0, last.lines - THROTTLE_LINES) : 0;
    const at = new Date(Math.floor(nowMs / 60_000) * 60_000).toISOString().slice(0, 16);
    write(
      JSON.stringify({
        at,
        level,
        service,
        event,
        ...pick(fields),
        ...(suppressed > 0 ? { suppressed } : {}),
      }),
    );
  };
}

const ALLOWED: readonly (keyof LogFields)[] = [
  'node',
  'connection',
  'channel',
  'requestId',
  'code',
  'part',
  'method',
  'route',
  'status',
  'port',
  'ms',
  'count',
  'version',
  'error',
];

/** The error's code or class name: all of a foreign error that may be logged. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? { error: error.name, code } : { error: error.name };
}

function pick(fields: LogFields): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of ALLOWED) if (fields[name] !== undefined) out[name] = fields[name];
  return out;
}
