/** What the launchers read of a child's log (`shared/log.ts` writes it). */
export interface LogLine {
  readonly event?: unknown;
  readonly part?: unknown;
  readonly port?: unknown;
}

/** A line of the JSON log; undefined for anything else. */
export function readEvent(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
