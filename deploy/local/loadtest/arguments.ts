import { UsageError } from '../../../shared/entry.ts';
import { webAddress, whole } from '../command-line.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

export const HELP = `npm run loadtest -- <scenario> [<options>]

Runs a k6 scenario against the service at --edge, or against a stack of its own that ends with it, and writes a report.

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n')}

  --edge <url>       where clients reach the service (its budgets of addresses should be those of the profile \`loadtest\`)
  --sockets <n>      sockets (or readers, or rooms of eight, as the scenario has them)
  --seconds <n>      length of the part that counts
  --rate <n>         messages or calls a second
  --nodes <n>        origin nodes of its own stack (default 2)
  --out <folder>     where the reports go (default .hushwire/loadtest/<time>-<scenario>)
  --help             this text

The exit code is 0 when every promise was kept, 1 when not, 2 when it could not begin, 3 when the run says nothing because
k6 itself was at its limit, 130 when interrupted. The last line is JSON.`;

export interface Wanted {
  readonly scenario: Scenario;
  readonly edge: string | undefined;
  readonly nodes: number;
  readonly out: string | undefined;
  /** For the script. */
  readonly env: Readonly<Record<string, string>>;
}

export const OPTIONS = {
  edge: { type: 'string' },
  sockets: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
  nodes: { type: 'string', default: '2' },
  out: { type: 'string' },
} as const;

type Values = Readonly<Partial<Record<keyof typeof OPTIONS, string>>>;

/** What was asked for; throws UsageError. */
export function readWanted(
  { edge, nodes = '', out, ...given }: Values,
  [name, ...more]: readonly string[],
): Wanted {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined || more.length > 0) throw new UsageError(chooseFrom(name, more));
  const env: Record<string, string> = {};
  for (const option of ['sockets', 'seconds', 'rate'] as const) {
    const value = given[option];
    if (value !== undefined) env[option.toUpperCase()] = String(whole(option, value, [1, 100_000]));
  }
  return {
    scenario,
    edge: edge === undefined ? undefined : webAddress('edge', edge),
    nodes: whole('nodes', nodes, [1, 8]),
    out,
    env,
  };
}

function chooseFrom(name: string | undefined, more: readonly string[]): string {
  if (more.length > 0) return `One scenario at a time, not also ${more.join(', ')}`;
  const names = SCENARIOS.map((one) => one.name).join(', ');
  return name === undefined ? `Name a scenario: ${names}` : `There is no scenario "${name}", but ${names}`;
}
