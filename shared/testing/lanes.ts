import { existsSync } from 'node:fs';
import { isTestFile, listFiles } from './files.ts';

/** A set of test files that share one process, and the longest it may take. */
export interface Lane {
  readonly name: string;
  readonly files: readonly string[];
  readonly timeoutMs: number;
}

/**
 * Every lane and the folder it runs, in the order they run: the pure ones first, so that a broken codec is told before
 * ten failing stacks. `unit` takes what lies beside its subject, wherever that is. Limits are about ten times what
 * a lane takes on two cores.
 */
const LANES: readonly { readonly name: string; readonly folder?: string; readonly timeoutMs: number }[] = [
  { name: 'unit', timeoutMs: 180_000 },
  { name: 'origin', folder: 'origin/test', timeoutMs: 180_000 },
  { name: 'edge', folder: 'edge/test', timeoutMs: 180_000 },
  { name: 'aws', folder: 'deploy/aws', timeoutMs: 180_000 },
  { name: 'platforms', folder: 'deploy/edge', timeoutMs: 180_000 },
  { name: 'stack', folder: 'deploy/test', timeoutMs: 780_000 },
];

export const LANE_NAMES: readonly string[] = LANES.map(({ name }) => name);

export interface Selection {
  /** Lanes that hold at least one file. */
  readonly lanes: readonly Lane[];
  /** What was asked for and is not there, and test files that no lane would run. */
  readonly faults: readonly string[];
}

/**
 * The lanes to run from the current directory. `wanted` names lanes, test files or directories; empty means everything.
 * A test file that belongs to no lane is a fault: it would never run.
 */
export function selectLanes(wanted: readonly string[]): Selection {
  const faults: string[] = [];
  const asked = wanted.length === 0 ? ['.'] : wanted;
  const files = new Set<string>();
  for (const name of asked) {
    const found = LANE_NAMES.includes(name) ? testFilesOf(name) : existsSync(name) ? testFilesAt(name) : [];
    if (found.length === 0) faults.push(`${name}: neither a lane nor a place with test files`);
    for (const file of found) files.add(file);
  }
  for (const file of files) if (laneOf(file) === undefined) faults.push(`${file} belongs to no lane`);
  const lanes = LANES.map(({ name, timeoutMs }) => ({
    name,
    timeoutMs,
    files: [...files].filter((file) => laneOf(file) === name),
  }));
  return { lanes: lanes.filter((lane) => lane.files.length > 0), faults };
}

/** Name of the lane a test file (path from the root of the tree) runs in. */
export function laneOf(file: string): string | undefined {
  const owner = LANES.find(({ folder }) => folder !== undefined && file.startsWith(`${folder}/`));
  if (owner !== undefined) return owner.name;
  return /(^|\/)test\//.test(file) ? undefined : 'unit';
}

function testFilesOf(lane: string): string[] {
  return testFilesAt('.').filter((file) => laneOf(file) === lane);
}

function testFilesAt(path: string): string[] {
  return listFiles(path, isTestFile).map((file) => file.replace(/^\.\//, ''));
}
