import type { Socket } from 'node:net';

/** How long the second side may take to end after the first one has: enough to flush what a slow peer still wants. */
const LINGER_MS = 5_000;

/**
 * Joins two sockets until both have ended: bytes, pace (a side that is not read is not read from), half-closes. When one
 * side breaks, the other is broken too, so that neither end takes a crash for a farewell. `onEnd` is called once, after
 * both have closed.
 */
export function splice(a: Socket, b: Socket, onEnd: () => void): void {
  let open = 2;
  let linger: ReturnType<typeof setTimeout> | undefined;
  const cut = () => {
    a.destroy();
    b.destroy();
  };
  const startLinger = () => {
    linger ??= setTimeout(cut, LINGER_MS);
  };
  const watch = (side: Socket, other: Socket) => {
    side.on('error', cut);
    side.on('end', startLinger);
    side.on('close', (hadError: boolean) => {
      open -= 1;
      if (hadError) cut();
      // What the other side still sends can reach nobody; what it still has to get, it gets.
      else other.destroySoon();
      if (open > 0) return startLinger();
      clearTimeout(linger);
      onEnd();
    });
  };
  watch(a, b);
  watch(b, a);
  a.pipe(b);
  b.pipe(a);
}
