// What every npm script starts with: `node deploy/local/boot.mjs <script> [arguments]`.
// Plain JavaScript without dependencies, because it runs before anything is installed: it checks Node, installs the
// packages when they are not those of package-lock.json, finds or installs Redis (and, for tests, what they need
// besides), and hands over to the TypeScript module of that name.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The socket library brings native code for these; Node 24 has none. */
const NODE_MAJORS = ['20', '22'];
const NEED_REDIS = ['start', 'roll', 'release', 'faults', 'bench', 'loadtest', 'canary', 'drill', 'test'];
/** Parts whose packages are large and seldom needed, so they have a package-lock.json of their own. */
const APART = [
  { path: 'deploy/aws', target: 'synth', lane: 'aws' },
  { path: 'deploy/edge', target: 'workers', lane: 'platforms' },
];
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const TARGETS = [
  'start',
  'try',
  'roll',
  'release',
  'faults',
  'fuzz',
  'bench',
  'probe',
  'loadtest',
  'canary',
  'backup',
  'archive',
  'restore',
  'secrets',
  'drill',
  'synth',
  'workers',
  'test',
  'check',
  'docs',
  'sdk',
  'web',
  'api',
  'cli',
];

/** Ends this process with one plain sentence; anything longer hides what to do. */
class Refusal extends Error {}

try {
  process.exitCode = await boot(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Refusal ? error.message : error);
  process.exitCode = 1;
}

async function boot([target, ...args]) {
  if (!TARGETS.includes(target)) {
    console.error(`Usage: node deploy/local/boot.mjs <${TARGETS.join('|')}> [arguments]`);
    return 2;
  }
  checkNode();
  installPackages(ROOT);
  for (const part of APART.filter((one) => isNeeded(one, { target, args })))
    installPackages(join(ROOT, part.path));
  const { register } = await import('tsx/esm/api');
  register();
  if (NEED_REDIS.includes(target) && !isHelp(args)) await ensurePrograms(target);
  const { main } = await import(`./${target}.ts`);
  return main(args);
}

function checkNode() {
  const [major] = process.versions.node.split('.');
  if (NODE_MAJORS.includes(major)) return;
  throw new Refusal(
    `Hushwire runs on Node ${NODE_MAJORS.join(' or ')}, and this is Node ${process.versions.node}; ` +
      'install Node 22 from https://nodejs.org or with a version manager (nvm install 22), then run this again.',
  );
}

/** The targets of a part need its packages, and so do its tests: by lane, by file or directory, or as part of all. */
function isNeeded(part, { target, args }) {
  if (target === part.target) return !isHelp(args);
  if (target !== 'test' || isHelp(args)) return false;
  const covers = (arg) =>
    arg === part.lane || arg === part.path || isWithin(part.path, arg) || isWithin(arg, part.path);
  return args.length === 0 || args.map((arg) => arg.replace(/^\.\/|\/$/g, '')).some(covers);
}

function isWithin(path, directory) {
  return directory === '.' || path.startsWith(`${directory}/`);
}

function isHelp(args) {
  return args.includes('--help') || args.includes('-h');
}

/** `npm ci` in `directory`, unless what is installed there is exactly what its package-lock.json names. */
function installPackages(directory) {
  if (isInstalled(directory)) return;
  const lock = join(relative(ROOT, directory), 'package-lock.json');
  console.log(`Installing the packages of ${lock} (npm ci)`);
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const { status, error } = spawnSync(command, [...first, 'ci', '--include=dev'], {
    cwd: directory,
    stdio: 'inherit',
  });
  if (error) throw new Refusal(`Cannot run npm (${error.code}); install npm, then run this again.`);
  if (status !== 0) throw new Refusal('npm ci failed, for the reason it gave above.');
  if (!isInstalled(directory))
    throw new Refusal('npm ci ended well, yet node_modules is not what package-lock.json names.');
}

/**
 * Compares the lock file with npm's own record of what it installed, which npm writes last: an installation that was
 * cut short has none. Optional packages for other machines are rightly missing.
 */
function isInstalled(directory) {
  const wanted = readPackages(join(directory, 'package-lock.json'));
  const installed = readPackages(join(directory, 'node_modules', '.package-lock.json'));
  if (wanted === undefined)
    throw new Refusal(
      `${join(directory, 'package-lock.json')} is missing or unreadable; restore it from the repository.`,
    );
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined
      ? optional === true
      : found.version === version && found.integrity === integrity;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function ensurePrograms(target) {
  const { ensureRedis: ensure } = await import('./redis-install.ts');
  const fault = await ensure({
    isGiven: target === 'start' && Boolean(process.env.HUSHWIRE_RELAY_URL || process.env.REDIS_URL),
  });
  if (fault !== undefined) throw new Refusal(fault);
  if (target === 'test') (await import('./tools-install.ts')).ensureTools();
}
