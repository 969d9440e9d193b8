/**
 * `describe()`: the only way tests are written here. It drives uvu, but leaves uvu nothing that can fail unseen: hooks
 * and bodies run inside our own guard, each with a time limit, and what happened is counted in `ledger.ts`. (Plain uvu
 * 0.5.6 ends with 0 on a `before` that throws, on `after.each` that throws after a failed test, on `throw null` and on
 * a forgotten `.run()`, and waits for ever on a promise that never settles. `suite.test.ts` shows each of them red.)
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
import { suite as uvuSuite } from 'uvu';
import { ledger } from './ledger.ts';

/** A test or hook; it may return a promise. */
export type Body = () => unknown;

export interface Suite {
  test(title: string, body: Body): void;
  /** Once, before the first test. When it fails, every test of the suite fails with its error. */
  before(body: Body): void;
  /** Before each test; a failure fails that test. */
  beforeEach(body: Body): void;
  /** After each test, failed or not; a failure fails that test. */
  afterEach(body: Body): void;
  /** Once, after the last test, even when `before` failed; the last one registered runs first. A failure is red. */
  after(body: Body): void;
  /** Counts and names a test that cannot run here. */
  skip(title: string, reason: string): void;
  /** Skips every test of this suite when `tool` is missing (by default: not on the PATH). Call it first. */
  needs(tool: string, isPresent?: (tool: string) => boolean): void;
}

/** Limit of each test and each hook in milliseconds: far above what a loopback exchange takes on a busy machine. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Defines and registers a suite. `define` runs at once and must not be asynchronous: a test defined later would be
 * lost. `timeoutMs` bounds each test and each hook on its own.
 */
export function describe(
  name: string,
  define: (suite: Suite) => void,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): void {
  if (!ledger.isOpen)
    throw new Error(`Cannot define "${name}" here: only while shared/testing/run.ts imports its file`);
  const definition = openDefinition(name);
  const returned: unknown = define(definition.suite);
  if (returned !== undefined) throw new Error(`Cannot define "${name}": the callback must return nothing`);
  definition.isOpen = false;
  register(definition, timeoutMs);
}

interface Definition {
  readonly name: string;
  readonly suite: Suite;
  readonly tests: { readonly title: string; readonly body: Body }[];
  readonly hooks: Record<'before' | 'beforeEach' | 'afterEach' | 'after', Body[]>;
  missing: string | undefined;
  isOpen: boolean;
}

function openDefinition(name: string): Definition {
  const tests: Definition['tests'] = [];
  const hooks: Definition['hooks'] = { before: [], beforeEach: [], afterEach: [], after: [] };
  const add = (list: unknown[], item: unknown) => {
    if (!definition.isOpen) throw new Error(`Cannot add to "${name}": its definition has ended`);
    list.push(item);
  };
  const suite: Suite = {
    test: (title, body) => {
      if (definition.missing === undefined) add(tests, { title, body });
      else ledger.skips.push({ title: `${name}: ${title}`, reason: definition.missing });
    },
    before: (body) => add(hooks.before, body),
    beforeEach: (body) => add(hooks.beforeEach, body),
    afterEach: (body) => add(hooks.afterEach, body),
    after: (body) => add(hooks.after, body),
    skip: (title, reason) => add(ledger.skips, { title: `${name}: ${title}`, reason }),
    needs: (tool, isPresent = isOnPath) => {
      if (tests.length > 0) throw new Error(`Cannot skip "${name}": needs() comes before the first test()`);
      if (!isPresent(tool)) definition.missing = `${tool} is missing`;
    },
  };
  const definition: Definition = { name, suite, tests, hooks, missing: undefined, isOpen: true };
  return definition;
}

/** Hands the suite to uvu: the hooks given to uvu never throw, the tests throw only errors that uvu can print. */
function register({ name, tests, hooks }: Definition, timeoutMs: number): void {
  ledger.defined += tests.length;
  if (tests.length === 0) return;
  const inner = uvuSuite(name);
  const setup: { fault?: Error } = {};
  let handlesBefore = 0;
  inner.before(async () => {
    handlesBefore = process.getActiveResourcesInfo().length;
    const [fault] = await runAll(hooks.before, { title: `${name}: before`, timeoutMs, stopsAtFault: true });
    if (fault !== undefined) setup.fault = fault;
  });
  for (const { title, body } of tests) {
    const limits = { title: `${name}: ${title}`, timeoutMs };
    inner(title, () => runTest({ setup, hooks, body, ...limits }));
  }
  inner.after(async () => {
    const title = `${name}: after`;
    const faults = await runAll(hooks.after.toReversed(), { title, timeoutMs, stopsAtFault: false });
    for (const fault of faults) ledger.faults.push(`${title}: ${fault.message}`);
    if (process.getActiveResourcesInfo().length > handlesBefore) ledger.suspects.push(name);
  });
  inner.run();
}

interface TestRun {
  readonly title: string;
  readonly timeoutMs: number;
  readonly setup: { readonly fault?: Error };
  readonly hooks: Definition['hooks'];
  readonly body: Body;
}

async function runTest({ title, timeoutMs, setup, hooks, body }: TestRun): Promise<void> {
  ledger.ran += 1;
  const faults = setup.fault === undefined ? [] : [setup.fault];
  if (setup.fault === undefined) {
    const limits = { title, timeoutMs };
    faults.push(...(await runAll([...hooks.beforeEach, body], { ...limits, stopsAtFault: true })));
    faults.push(...(await runAll(hooks.afterEach.toReversed(), { ...limits, stopsAtFault: false })));
  }
  const [first, ...others] = faults;
  for (const fault of others) ledger.faults.push(`${title}: then ${fault.message}`);
  if (first === undefined) ledger.passed += 1;
  else {
    ledger.failed += 1;
    throw first;
  }
}

interface Limits {
  readonly title: string;
  readonly timeoutMs: number;
  readonly stopsAtFault: boolean;
}

/** Runs bodies one after another, each within the limit, and gives back what they threw; never throws itself. */
async function runAll(bodies: readonly Body[], { title, timeoutMs, stopsAtFault }: Limits): Promise<Error[]> {
  ledger.current = title;
  const faults: Error[] = [];
  for (const body of bodies) {
    try {
      await within(timeoutMs, body);
    } catch (thrown) {
      faults.push(printable(thrown));
      if (stopsAtFault) break;
    }
  }
  ledger.current = '';
  return faults;
}

async function within(limitMs: number, body: Body): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Timed out after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([Promise.resolve().then(body), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Anything thrown as an Error that uvu's reporter survives: it trips over a missing stack and hides causes. */
function printable(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`Threw a non-error: ${inspect(thrown)}`);
  const isPlain =
    thrown.cause === undefined && typeof thrown.name === 'string' && typeof thrown.stack === 'string';
  return isPlain ? thrown : new Error(inspect(thrown));
}

/** Also where Debian keeps servers, which only root's PATH names. */
function isOnPath(tool: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((dir) =>
    existsSync(join(dir, tool)),
  );
}
