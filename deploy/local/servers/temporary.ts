import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf } from './identity.ts';

export interface TemporaryOptions {
  /** Where to make it; default the system's temporary directory. */
  readonly parent?: string | undefined;
  /** Ends what may still run in a directory whose owner was killed. */
  readonly endStale?: ((dir: string) => Promise<void>) | undefined;
}

/**
 * A new directory, 0700, for whoever removes it when it is done. Removes those of the same kind whose process is gone:
 * one that was killed could not.
 */
export async function temporaryDirectory(kind: string, options: TemporaryOptions = {}): Promise<string> {
  const { parent = tmpdir(), endStale } = options;
  // The host is part of the name: with a shared /tmp, another container's process would look gone.
  const prefix = `hushwire-${kind}-${hostname()}-`;
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isNaN(pid) || identityOf(pid) !== undefined) continue;
    const stale = join(parent, name);
    await endStale?.(stale);
    await rm(stale, { recursive: true, force: true });
  }
  return mkdtemp(join(parent, `${prefix}${process.pid}-`));
}
