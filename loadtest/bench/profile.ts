/** Reads V8 CPU profiles (Node's --cpu-prof): where the time of a process went, function by function. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The part of the .cpuprofile format that is read here (Chrome DevTools Protocol, "Profiler.Profile"). */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Spent {
  /** `name file:line`. */
  readonly where: string;
  /** Of all time that the process was not idle. */
  readonly share: number;
}

/** Where the profiles of one row lie. */
export function profilesOf(out: string, row: string): string {
  return resolve(out, 'profiles', row);
}

/** Own time of each function over every profile in a directory, most first; what is idle is left out. */
export function readProfiles(directory: string): Spent[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  const spent = new Map<string, number>();
  for (const file of files) addSelfTimes(JSON.parse(readFileSync(join(directory, file), 'utf8')), spent);
  spent.delete('(idle)');
  const total = [...spent.values()].reduce((sum, us) => sum + us, 0);
  return [...spent.entries()]
    .sort(([, a], [, b]) => b - a)
    .map(([where, us]) => ({ where, share: us / total }));
}

/** Adds the microseconds of one profile. */
export function addSelfTimes(profile: Profile, spent: Map<string, number>): void {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  for (const [i, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '';
    spent.set(name, (spent.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0));
  }
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName;
  const file = url.replace(/^file:\/\//, '').replace(/^.*?\/(node_modules|origin|shared)\//, '$1/');
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}
