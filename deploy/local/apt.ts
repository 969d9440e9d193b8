import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CHECKOUT } from './servers/checkout.ts';

/** How a package may be installed here, or undefined: without apt-get, or without root or a sudo that asks nothing. */
export function findApt(): Apt | undefined {
  if (!runs('apt-get', ['--version'])) return undefined;
  const elevate = elevation();
  if (elevate === undefined) return undefined;
  return {
    install: (name) => {
      const script = join(CHECKOUT, 'deploy', 'local', 'install-package.sh');
      const [command = 'sh', ...args] = [...elevate, 'sh', script, name];
      return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
    },
  };
}

export interface Apt {
  /** Installs a package, but no service; true when that worked. What went wrong is printed by apt-get itself. */
  install(name: string): boolean;
}

/** Whether a program can be started and ends well; also one that Debian keeps where only root's PATH looks. */
export function runs(command: string, args: readonly string[]): boolean {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` };
  return spawnSync(command, args, { stdio: 'ignore', env }).status === 0;
}

/** What to put before a command that needs root: nothing as root, sudo where it asks no password; else undefined. */
function elevation(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return [];
  return runs('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined;
}
