import { findApt, runs } from './apt.ts';

/**
 * Programs that tests use as the real other side, each with its Debian package: an authenticator, a pooler, a browser, a
 * balancer. `ask` is what makes it tell its version and end well.
 */
const TOOLS: readonly { readonly program: string; readonly name: string; readonly ask?: string }[] = [
  { program: 'oathtool', name: 'oathtool' },
  { program: 'pgbouncer', name: 'pgbouncer' },
  { program: 'chromium', name: 'chromium' },
  { program: 'pg_dump', name: 'postgresql-client' },
  { program: 'age', name: 'age' },
  { program: 'promtool', name: 'prometheus' },
  { program: 'haproxy', name: 'haproxy', ask: '-v' },
  { program: 'systemd-analyze', name: 'systemd' },
  { program: 'python3', name: 'python3' },
];

/**
 * Installs the programs that tests need and that are missing, where the system's package manager may. Where it may not,
 * their tests are skipped, which the last lines of the run tell by name; so nothing here is a fault.
 */
export function ensureTools(): void {
  const missing = TOOLS.filter(({ program, ask = '--version' }) => !runs(program, [ask]));
  const apt = missing.length === 0 ? undefined : findApt();
  if (apt === undefined) return;
  for (const { program, name } of missing) {
    console.log(`Installing ${program} with apt-get, for the tests`);
    if (!apt.install(name)) console.log(`apt-get could not install ${name}; tests that need it are skipped`);
  }
}
