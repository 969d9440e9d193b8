import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const HOW_TO_GET_K6 =
  'k6 is not on the PATH, nor where Go puts programs: install k6 2.x (https://grafana.com/docs/k6/latest/set-up/install-k6, or ' +
  '`go install go.k6.io/k6/v2@v2.2.0`), then run this again.';

/** The k6 to run: on the PATH, or where `go install` puts it. Undefined when there is none of version 2. */
export function findK6(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const { GOBIN, GOPATH, HOME, PATH = '' } = env;
  const go = [GOBIN, GOPATH && join(GOPATH, 'bin'), HOME && join(HOME, 'go', 'bin')];
  const folders = [...PATH.split(delimiter), ...go].filter((folder) => folder !== undefined && folder !== '');
  return folders
    .map((folder) => join(folder ?? '', 'k6'))
    .find((file) => existsSync(file) && isVersion2(file));
}

function isVersion2(program: string): boolean {
  const { status, stdout } = spawnSync(program, ['version'], { encoding: 'utf8' });
  return status === 0 && /\bv2\./.test(stdout);
}

export interface K6Run {
  readonly program: string;
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where its figures can be asked for while it runs. */
  readonly apiPort: number;
}

/** Starts k6; what it prints goes to `onLine`. It asks nobody outside for anything. */
export function startK6(
  { program, script, env, apiPort }: K6Run,
  onLine: (line: string) => void,
): ChildProcess {
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const flags = ['--no-usage-report', '--quiet', '--no-color', '--address', `127.0.0.1:${apiPort}`];
  const child = spawn(program, ['run', ...flags, ...variables, script], {
    env: { ...process.env, K6_AUTO_EXTENSION_RESOLUTION: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
  }
  return child;
}
