/** The command line of a server: it serves, says whether it could, or explains itself. */
import { describeEnv, type Specification } from './env.ts';

export type Wish = 'serve' | 'check' | 'help';

export class UsageError extends Error {}

/** What the arguments ask for; throws UsageError for any other than `--check-config`, `--help` and `-h`. */
export function wishOf(args: readonly string[]): Wish {
  let wish: Wish = 'serve';
  for (const arg of args) {
    if (arg === '--help' || arg === '-h') return 'help';
    if (arg !== '--check-config')
      throw new UsageError(`${arg} is not an option; there are --check-config and --help`);
    wish = 'check';
  }
  return wish;
}

/** Help for a server that takes its configuration from the environment. */
export function helpOf(program: string, spec: Specification): string {
  return [
    `${program}: takes its configuration from the environment, and serves until SIGTERM or SIGINT.`,
    '',
    '  --check-config   tells every fault of the configuration, or that there is none, and ends',
    '  --help           this text',
    '',
    'A variable may also stand in a file that <variable>_FILE names, as secrets do.',
    '',
    describeEnv(spec),
  ].join('\n');
}
