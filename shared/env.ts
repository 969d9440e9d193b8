/**
 * Reads a process's environment into one frozen, typed object, and tells every fault at once. Pure: the entry file
 * hands in the record. The same specification prints the documentation table.
 */
export type Env = Readonly<Record<string, string | undefined>>;

/** One variable: how to read it and how to explain it. `parse` throws an Error whose message says what is wanted. */
export interface Variable<T> {
  readonly name: string;
  readonly about: string;
  readonly wanted: string;
  /** Text of the default, or undefined when the variable must be set. */
  readonly fallback: string | undefined;
  readonly isSecret: boolean;
  parse(text: string): T;
}
export type Specification = Readonly<Record<string, Variable<unknown>>>;
export type Configuration<S extends Specification> = {
  readonly [K in keyof S]: S[K] extends Variable<infer T> ? T : never;
};

interface Common {
  readonly about: string;
  readonly fallback?: string | number;
  readonly isSecret?: boolean;
}

export class ConfigurationError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(
      `Cannot start: ${faults.length} fault(s) in the configuration\n${faults.map((f) => `  ${f}`).join('\n')}`,
    );
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}

export interface EnvSource {
  readonly env: Env;
  /** Names that begin with this belong to the program; unknown ones are faults. */
  readonly prefix: string;
  /** Reads a file whole, as text; undefined where the program has no files. */
  readonly readFile?: (path: string) => string;
}

/** Any variable may stand in a file instead, which this name with its path tells: `NAME_FILE=/run/secrets/name`. */
export const FILE_SUFFIX = '_FILE';

/**
 * Reads every variable of `spec`, from the environment or from the file that `<name>_FILE` names (without the line end
 * an editor leaves); throws one ConfigurationError naming all faults, unknown `prefix…` names included.
 */
export function readEnv<S extends Specification>(spec: S, source: EnvSource): Configuration<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(spec)) {
    try {
      values[key] = readVariable(variable, source);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error.message);
    }
  }
  faults.push(...unknownNames(spec, source));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return freezeDeeply(values) as Configuration<S>;
}

/** One thing that is wrong with the configuration, in words for people. */
class Fault extends Error {}

function readVariable(variable: Variable<unknown>, source: EnvSource): unknown {
  const text = textOf(variable, source);
  try {
    return variable.parse(text);
  } catch (error) {
    throw new Fault(explain(variable, text, error));
  }
}

function textOf({ name, wanted, fallback }: Variable<unknown>, { env, readFile }: EnvSource): string {
  const fileName = `${name}${FILE_SUFFIX}`;
  const path = env[fileName];
  if (path && env[name]) throw new Fault(`${name} and ${fileName} are both set; wanted: one of them`);
  const text = (path ? readText(fileName, path, readFile) : env[name]) || fallback;
  if (text === undefined) throw new Fault(`${name} is not set; wanted: ${wanted}`);
  return text;
}

function readText(name: string, path: string, readFile: EnvSource['readFile']): string {
  if (readFile === undefined) throw new Fault(`${name} is set, but there are no files here`);
  try {
    return readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    throw new Fault(`${name} names a file that cannot be read (${why})`);
  }
}

function unknownNames(spec: Specification, { env, prefix }: EnvSource): string[] {
  const known = new Set(namesOf(spec));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name))
    .map((name) => `${name} is not a variable this program knows`);
}

/** Every name the program may read: each variable's, and that of the file it may stand in. */
export function namesOf(spec: Specification): readonly string[] {
  return Object.values(spec).flatMap(({ name }) => [name, `${name}${FILE_SUFFIX}`]);
}

/** A parser's own words may quote the text (`JSON.parse` and, on Deno, `new URL` do), so a secret is told without. */
function explain({ name, wanted, isSecret }: Variable<unknown>, text: string, error: unknown): string {
  if (isSecret) return `${name} is set, but unusable; wanted: ${wanted}`;
  const why = error instanceof Error ? ` (${error.message})` : '';
  return `${name} is ${JSON.stringify(text)}; wanted: ${wanted}${why}`;
}

/** Freezes lists and plain objects all the way down; objects of a class look after themselves. */
function freezeDeeply<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  for (const part of Object.values(value)) freezeDeeply(part);
  return Object.freeze(value);
}

/** Throws one ConfigurationError naming all `faults`, if there are any: those of variables that do not go together. */
export function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new ConfigurationError(faults);
}

/** The fault of two variables, name and value, that only work together, when one is set without the other. */
export function withoutOther(first: readonly [string, string], second: readonly [string, string]): string[] {
  const [given, missing] = first[1] === '' ? [second, first] : [first, second];
  if (given[1] === '' || missing[1] !== '') return [];
  return [`${missing[0]} is not set, but ${given[0]} is; wanted: both or neither`];
}

/** The documentation table of a specification, as Markdown rows. */
export function describeEnv(spec: Specification): string {
  const rows = Object.values(spec).map(
    ({ name, about, wanted, fallback }) =>
      `| \`${name}\` | ${about} | ${wanted} | ${fallback ?? '(required)'} |`,
  );
  return ['| variable | what | wanted | default |', '|---|---|---|---|', ...rows].join('\n');
}

/** Any non-empty text. */
export function text(name: string, options: Common): Variable<string> {
  return variable(name, options, 'text', (value) => value);
}

/** A whole number from `min` to `max`; the unit belongs in the name. */
export function integer(name: string, options: Common & { min: number; max: number }): Variable<number> {
  return variable(name, options, `a whole number from ${options.min} to ${options.max}`, (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < options.min || number > options.max)
      throw new Error('out of range');
    return number;
  });
}

/** A URL of one of `protocols` (with their colon), without its trailing slash; empty only by an empty default. */
export function url(name: string, options: Common & { protocols: readonly string[] }): Variable<string> {
  return variable(name, options, `a URL (${options.protocols.join(' ')})`, (value) => {
    if (value === '') return value;
    const { protocol } = new URL(value);
    if (!options.protocols.includes(protocol)) throw new Error(`the scheme is ${protocol}`);
    return value.replace(/\/$/, '');
  });
}

/** Comma-separated URLs as `url` takes them, at least one. A comma in a password is written `%2C`. */
export function urls(
  name: string,
  options: Common & { protocols: readonly string[] },
): Variable<readonly string[]> {
  const one = url(name, options);
  const read = (part: string) => {
    if (part === '') throw new Error('one of them is empty');
    return one.parse(part);
  };
  return variable(name, options, `${one.wanted}, or several, comma-separated`, (value) =>
    Object.freeze(value.split(',').map((part) => read(part.trim()))),
  );
}

/** One of a closed set. */
export function choice<const T extends string>(
  name: string,
  options: Common & { of: readonly T[] },
): Variable<T> {
  return variable(name, options, options.of.join(' or '), (value) => {
    const found = options.of.find((candidate) => candidate === value);
    if (found === undefined) throw new Error('not one of these');
    return found;
  });
}

/** Comma-separated texts; the empty default gives an empty list. */
export function list(name: string, options: Common): Variable<readonly string[]> {
  const read = (value: string) =>
    Object.freeze(
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
  return variable(name, options, 'comma-separated texts', read);
}

/** JSON that `check` accepts; `check` throws what is wrong. */
export function json<T>(
  name: string,
  options: Common & { wanted: string; check: (value: unknown) => T },
): Variable<T> {
  return variable(name, options, options.wanted, (value) => options.check(JSON.parse(value)));
}

function variable<T>(
  name: string,
  { about, fallback, isSecret = false }: Common,
  wanted: string,
  parse: (text: string) => T,
): Variable<T> {
  return {
    name,
    about,
    wanted,
    fallback: fallback === undefined ? undefined : String(fallback),
    isSecret,
    parse,
  };
}
