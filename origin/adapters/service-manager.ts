import { execFile } from 'node:child_process';

/** What the service manager is told (sd_notify(3)); without one, nothing happens. */
export interface ServiceManager {
  /** Takes work from now on. Pulses begin, which say that this process is alive. */
  ready(): void;
  /** Takes its leave, and asks for `withinMs` to do so, however short the unit's own limit is; pulses go on until then. */
  stopping(withinMs: number): void;
  close(): void;
}

/** The variables systemd sets for a unit of type `notify`, and for one with a watchdog. */
export interface ServiceManagerEnv {
  readonly NOTIFY_SOCKET?: string | undefined;
  /** Microseconds without a pulse after which systemd kills the process. */
  readonly WATCHDOG_USEC?: string | undefined;
}

const NONE: ServiceManager = { ready: () => undefined, stopping: () => undefined, close: () => undefined };

/**
 * Tells systemd by its own program, since Node has no datagram sockets of a file system. A pulse that cannot be sent is not
 * sent: being killed for it is what a watchdog is for.
 */
export function createServiceManager(env: ServiceManagerEnv): ServiceManager {
  if (env.NOTIFY_SOCKET === undefined || env.NOTIFY_SOCKET === '') return NONE;
  const tell = (...words: string[]) => execFile('systemd-notify', words, () => undefined);
  // Half the time, as sd_watchdog_enabled(3) recommends.
  const pulseMs = Number(env.WATCHDOG_USEC ?? 0) / 2_000;
  let timer: NodeJS.Timeout | undefined;
  return {
    ready: () => {
      tell('--ready', `--pid=${process.pid}`);
      if (pulseMs > 0) timer ??= setInterval(() => tell('WATCHDOG=1'), pulseMs).unref();
    },
    stopping: (withinMs) => void tell('STOPPING=1', `EXTEND_TIMEOUT_USEC=${withinMs * 1_000}`),
    close: () => clearInterval(timer),
  };
}
