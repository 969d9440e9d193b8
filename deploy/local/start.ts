import { resolve } from 'node:path';
import { runProgram, whole } from './command-line.ts';
import { GIVEN_HELP, readGiven } from './given.ts';
import { CHECKOUT } from './servers/checkout.ts';
import { type Stack, startStack } from './stack.ts';

const HELP = `npm start [-- <options>]

Runs the whole stack on this machine until Ctrl-C: Redis, PostgreSQL, the edge, two origin nodes.

  --fresh           forget accounts, channels and keys of earlier runs
  --nodes <number>  how many origin nodes (default 2, at most 9)
  --edge-port <n>   port of the edge (default 8787; a free one when it is busy; 0: any free ports)
  --dir <path>      where data and keys are kept (default .hushwire in the checkout)
  --help            this text

Taken from the environment:
${GIVEN_HELP}`;

/** Ports people get used to; the nodes count up from theirs, a hundred apart from the next kind. */
const PORTS = { edge: 8787, socket: 9001, health: 9101, internal: 9201 } as const;
/** A laptop runs a few; more only share the same cores. */
const NODES_MAX = 9;
/** A terminal and npm both deliver one Ctrl-C: a second one so soon is the same. */
const SAME_INTERRUPT_MS = 500;
/** Code of a run that was ended in a hurry: 128 + SIGINT, as shells have it. */
const HURRIED = 130;

interface Wanted {
  readonly isFresh: boolean;
  readonly nodes: number;
  readonly edgePort: number;
  readonly dir: string;
}

/** `npm start`: runs the stack until it is interrupted (0) or breaks (1); 2 when the arguments make no sense. */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(args, {
    help: HELP,
    options: {
      fresh: { type: 'boolean', default: false },
      nodes: { type: 'string', default: '2' },
      'edge-port': { type: 'string', default: String(PORTS.edge) },
      dir: { type: 'string', default: `${CHECKOUT}/.hushwire` },
    },
    read: ({ fresh: isFresh, nodes, 'edge-port': edgePort, dir }): Wanted => ({
      isFresh,
      nodes: whole('nodes', nodes, [1, NODES_MAX]),
      edgePort: whole('edge-port', edgePort, [0, 65_535]),
      dir: resolve(dir),
    }),
    run: serve,
  });
}

async function serve(wanted: Wanted): Promise<number> {
  // A terminal that was closed must not keep us from ending everything in order.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  const interruption = listenForInterruption();
  try {
    return await run(wanted, interruption);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    interruption.close();
  }
}

async function run(wanted: Wanted, { first }: Interruption): Promise<number> {
  // Since this process began, so that what came before this line counts too.
  const seconds = () => `${(performance.now() / 1000).toFixed(1)} s`;
  const given = readGiven(process.env);
  const stack = await startStack({
    dir: wanted.dir,
    fresh: wanted.isFresh,
    nodes: wanted.nodes,
    ports: wanted.edgePort === 0 ? {} : { ...PORTS, edge: wanted.edgePort },
    given,
    web: true,
    onStep: (sentence) => console.log(`${seconds().padStart(7)}  ${sentence}`),
  });
  console.log(describeStack(stack, { dir: wanted.dir, seconds: seconds() }));
  const fault = await Promise.race([stack.broken, first]);
  if (fault !== undefined) console.error(`\nEnding the stack: ${fault}`);
  else console.log('\nEnding (Ctrl-C again to hurry)');
  await stack.stop();
  return fault === undefined ? 0 : 1;
}

/** What people see when everything runs: where it is, and what to do next. */
function describeStack(
  { edgeUrl, nodes }: Stack,
  { dir, seconds }: { dir: string; seconds: string },
): string {
  const rows = nodes.map(
    ({ node, url, healthUrl }) => `  ${node.padEnd(8)} ${url.padEnd(24)} health ${healthUrl}/healthz`,
  );
  const isUsual = dir === `${CHECKOUT}/.hushwire`;
  return [
    '',
    `Hushwire is ready after ${seconds}. Open ${edgeUrl} and chat.`,
    '',
    `  edge     ${edgeUrl.padEnd(24)} health ${edgeUrl}/healthz`,
    ...rows,
    `  data     ${isUsual ? '.hushwire' : dir} (kept for the next start; --fresh forgets it)`,
    '',
    `Next, in another terminal:  npm run try${isUsual ? '' : ` -- --dir ${dir}`}`,
    'Ctrl-C ends everything.',
  ].join('\n');
}

interface Interruption {
  /** Resolves at the first Ctrl-C, SIGTERM or closed terminal. */
  readonly first: Promise<undefined>;
  close(): void;
}

/** From now on a first interruption only resolves `first`; a second one ends this process and its children at once. */
function listenForInterruption(): Interruption {
  let firstMs: number | undefined;
  let resolveFirst: (value: undefined) => void = () => undefined;
  const first = new Promise<undefined>((resolve) => {
    resolveFirst = resolve;
  });
  const interrupt = () => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      resolveFirst(undefined);
    } else if (performance.now() - firstMs > SAME_INTERRUPT_MS) process.exit(HURRIED);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return {
    first,
    close: () => {
      for (const signal of signals) process.off(signal, interrupt);
    },
  };
}
