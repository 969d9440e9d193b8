/** Which file may import what. The one table, and the check that holds files against it. */
import { dirname, join, normalize } from 'node:path/posix';
import { type Import, scan } from './imports.ts';

interface Wall {
  /** Files behind this wall; the first row that matches a path is the one that counts. */
  readonly files: RegExp;
  /** Files of the tree they may import. */
  readonly may: readonly RegExp[];
  /** Files of the tree of which they may import types, by `import type` and no other way. */
  readonly mayName?: readonly RegExp[];
  /** Packages and `node:` modules they may import. */
  readonly packages: readonly RegExp[];
  /** Adapters: at most one package each. */
  readonly hasOneDriver?: true;
  /** Entries, tests and tools, which start processes: they may read the environment. */
  readonly readsEnvironment?: true;
}

const ANY = /^/;
const NODE = /^node:/;
/** What a program or a test run starts with; nobody imports it. */
const ENTRY =
  /^(?:edge\/(?:deno|worker)\.ts|origin\/(?:main|host)\.ts|shared\/testing\/run\.ts|deploy\/local\/boot\.mjs|deploy\/cli\/hushwire\.mjs|loadtest\/.*|.*\.test\.ts)$/;
/** Another name for an entry, and nothing else. */
const ALIAS = /^deploy\/cli\/hushwire\.mjs$/;
const SHARED = /^shared\/(?!testing\/|client\/adapters\/|.*\.test\.ts$)/;
const SDK_ADAPTERS = /^shared\/client\/adapters\/(?!.*\.test\.ts$)/;
const EDGE = /^edge\/(?!adapters\/|test\/|web\/|.*\.test\.ts$)/;
const ORIGIN = /^origin\/(?!adapters\/|test\/|.*\.test\.ts$)/;
/** What the core and its adapters share; `http.ts` is the port of its listeners. */
const ORIGIN_PORTS = /^origin\/(?:ports|http)\.ts$/;
const LAUNCHERS = /^deploy\/local\/(?!.*\.test\.ts$)/;
const EDGE_LIBRARIES =
  /^(?:hono|hono-openapi|valibot|@valibot\/to-json-schema|@hono\/standard-validator|@standard-community\/[a-z-]+)(?:\/|$)/;

const WALLS: readonly Wall[] = [
  {
    files: /^shared\/(?:testing\/|.*\.test\.ts$)/,
    may: [/^shared\//, LAUNCHERS],
    packages: [ANY],
    readsEnvironment: true,
  },
  {
    files: /^edge\/(?:test\/|.*\.test\.ts$)/,
    may: [/^edge\//, /^shared\//, LAUNCHERS],
    packages: [ANY],
    readsEnvironment: true,
  },
  {
    files: /^origin\/(?:test\/|.*\.test\.ts$)/,
    may: [/^origin\//, /^shared\//, LAUNCHERS],
    packages: [ANY],
    readsEnvironment: true,
  },
  // What is deployed elsewhere must keep the contract of every edge.
  {
    files: /^deploy\/edge\/.*\.test\.ts$/,
    may: [/^deploy\//, /^shared\//, /^edge\/(?:config\.ts$|test\/)/],
    packages: [ANY],
    readsEnvironment: true,
  },
  {
    files: /^deploy\/(?:test\/|.*\.test\.ts$|local\/(?:test|check)\.ts$)/,
    may: [/^deploy\//, /^shared\//],
    packages: [ANY],
    readsEnvironment: true,
  },
  {
    files: /^loadtest\/(?:test\/|.*\.test\.ts$)/,
    may: [/^loadtest\//, /^shared\//, LAUNCHERS],
    packages: [ANY],
    readsEnvironment: true,
  },

  { files: /^shared\/(?:token|jwe|key-log|jws)\.ts$/, may: [SHARED], packages: [/^jose$/] },
  { files: /^shared\/client\/mls\//, may: [SHARED], packages: [/^ts-mls(?:\/|$)/] },
  { files: /^shared\/client\/adapters\//, may: [SHARED, SDK_ADAPTERS], packages: [ANY], hasOneDriver: true },
  // What apps come from, for comparison.
  {
    files: /^shared\/client\/examples\/[a-z-]+-socket-io\.ts$/,
    may: [],
    packages: [NODE, /^socket\.io(?:-client)?$/],
  },
  { files: /^shared\//, may: [SHARED], packages: [] },

  {
    files: /^edge\/(?:deno|worker)\.ts$/,
    may: [EDGE, /^edge\/adapters\//, SHARED],
    packages: [NODE, EDGE_LIBRARIES, /^@hono\/node-server$/],
    readsEnvironment: true,
  },
  {
    files: /^edge\/adapters\//,
    may: [/^edge\/ports\.ts$/, /^edge\/adapters\//, SHARED],
    mayName: [EDGE],
    packages: [ANY],
    hasOneDriver: true,
  },
  {
    files: /^edge\/web\//,
    may: [/^edge\/web\//, SHARED],
    packages: [/^(?:preact|@preact\/signals|uqr|idb)(?:\/|$)/],
  },
  { files: /^edge\/address\.ts$/, may: [EDGE, SHARED], packages: [/^ipaddr\.js$/] },
  { files: /^edge\/totp\.ts$/, may: [EDGE, SHARED], packages: [/^otplib$/] },
  { files: /^edge\//, may: [EDGE, SHARED], packages: [EDGE_LIBRARIES] },

  {
    files: /^origin\/(?:main|host)\.ts$/,
    may: [ORIGIN, /^origin\/adapters\//, SHARED],
    packages: [NODE],
    readsEnvironment: true,
  },
  {
    files: /^origin\/adapters\//,
    may: [ORIGIN_PORTS, /^origin\/adapters\//, SHARED],
    mayName: [ORIGIN],
    packages: [ANY],
    hasOneDriver: true,
  },
  { files: /^origin\/internal\//, may: [ORIGIN, SHARED], packages: [/^valibot$/] },
  { files: /^origin\//, may: [ORIGIN, SHARED], packages: [] },

  // The comparison runs servers of its own, those of others among them, on what starts Redis and origin nodes.
  {
    files: /^loadtest\/bench\//,
    may: [/^loadtest\/bench\/(?!.*\.test\.ts$)/, SHARED, LAUNCHERS],
    packages: [ANY],
    readsEnvironment: true,
  },
  { files: /^loadtest\//, may: [/^loadtest\//, SHARED], packages: [/^k6(?:\/|$)/] },
  // The page of all variables is made from what the processes read.
  {
    files: /^deploy\/local\/configuration\.ts$/,
    may: [/^(?:edge|origin)\/config\.ts$/, SHARED],
    packages: [],
  },
  {
    files: /^deploy\//,
    may: [/^deploy\/(?!test\/|.*\.test\.ts$)/, SHARED, SDK_ADAPTERS],
    packages: [ANY],
    readsEnvironment: true,
  },
];

/** Only the runner and its parts touch uvu itself: what bypasses `describe()` can fail unseen. */
const OWNS_UVU = /^shared\/testing\/(?:suite|run)\.ts$|^shared\/testing\/cases\//;
/** The runner imports the files it was given. */
const MAY_COMPUTE = /^shared\/testing\/run\.ts$|^deploy\/local\/boot\.mjs$/;
const VAGUE_NAME = /(?:^|\/)(?:index|utils?|helpers?|common|managers?)(?:\/|(?:\.[a-z]+)*\.(?:tsx?|mjs)$)/;

/** Source files by path from the root of the tree. */
export type Tree = ReadonlyMap<string, string>;

/** Every breach in the tree, as `<file>: <what>`; empty when all walls stand. */
export function breaches(tree: Tree): string[] {
  const graph = new Map<string, readonly string[]>();
  const found: string[] = [];
  for (const [file, source] of tree) {
    const { imports, readsEnvironment, directives } = scan(source);
    const wall = WALLS.find(({ files }) => files.test(file));
    const targets = imports.flatMap(({ specifier }) =>
      isRelative(specifier) ? [resolve(file, specifier)] : [],
    );
    graph.set(file, targets);
    const faults = [
      ...(wall === undefined
        ? ['lies behind no wall']
        : imports.flatMap((one) => importFaults(one, { file, wall, tree }))),
      ...(wall?.hasOneDriver && driversOf(imports).length > 1
        ? [`has ${driversOf(imports).length} drivers`]
        : []),
      ...(readsEnvironment && !wall?.readsEnvironment ? ['reads the environment outside an entry'] : []),
      ...(VAGUE_NAME.test(file) ? ['has a name that says nothing'] : []),
      ...directives.map((directive) => `has ${directive}`),
    ];
    found.push(...faults.map((fault) => `${file}: ${fault}`));
  }
  return [...found, ...cycles(graph).map((cycle) => `circular import: ${cycle.join(' → ')}`)];
}

interface Place {
  readonly file: string;
  readonly wall: Wall;
  readonly tree: Tree;
}

function importFaults({ specifier, form }: Import, { file, wall, tree }: Place): string[] {
  if (form === 'require') return ['uses require()'];
  if (specifier === undefined) return MAY_COMPUTE.test(file) ? [] : ['imports what is computed at run time'];
  if (!isRelative(specifier)) return packageFaults(specifier, { file, wall, tree });
  const target = resolve(file, specifier);
  if (!/\.(?:tsx?|mjs)$/.test(specifier)) return [`imports ${specifier} without its ending`];
  if (!tree.has(target)) return [`imports ${target}, which is not there`];
  const isOwnPart = /^loadtest\//.test(file) && /^loadtest\//.test(target);
  if (ENTRY.test(target) && !isOwnPart && !ALIAS.test(file))
    return [`imports ${target}, with which something starts`];
  const may = form === 'type' ? [...wall.may, ...(wall.mayName ?? [])] : wall.may;
  return may.some((pattern) => pattern.test(target)) ? [] : [`must not import ${target}`];
}

function packageFaults(specifier: string, { file, wall }: Place): string[] {
  if (/^uvu(?:\/(?!assert$)|$)/.test(specifier) && !OWNS_UVU.test(file))
    return [`must not import ${specifier}`];
  return wall.packages.some((pattern) => pattern.test(specifier)) ? [] : [`must not import ${specifier}`];
}

function driversOf(imports: readonly Import[]): string[] {
  const names = imports.flatMap(({ specifier = '' }) =>
    specifier === '' || isRelative(specifier) || NODE.test(specifier) ? [] : [packageOf(specifier)],
  );
  return [...new Set(names)];
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function isRelative(specifier: string | undefined): specifier is string {
  return specifier?.startsWith('.') === true || specifier?.startsWith('/') === true;
}

function resolve(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier));
}

/** One path through each knot of the graph, from a file back to itself. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}
