/**
 * Ends a process group and what grew out of it. Servers that a test starts lead groups of their own, so that Ctrl-C
 * reaches only the runner; while the runner lives they are found as its descendants, and normally it ends them itself.
 * Looking needs /proc: where there is none (macOS) only the group itself is ended.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** What a group gets to end by itself; a server started by a test closes in well under a second. */
const GRACE_MS = 3_000;
const STEP_MS = 25;

/** Living processes of a group as `<pid> <name>`, after those that are about to end had 3 s for it. */
export async function groupMembers(group: number): Promise<string[]> {
  await quiet(group);
  return living((one) => one.group === group).map(({ pid, name }) => `${pid} ${name}`);
}

/** SIGTERM to the group, and after at most 3 s SIGKILL to whatever is left of it and of its descendants. */
export async function endGroup(group: number): Promise<void> {
  const descendants = descendantsOf(group);
  if (signal(-group, 'SIGTERM')) await quiet(group);
  signal(-group, 'SIGKILL');
  const left = living(({ pid, name }) => descendants.some((was) => was.pid === pid && was.name === name));
  for (const { pid } of left) signal(pid, 'SIGKILL');
}

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly group: number;
}

async function quiet(group: number): Promise<void> {
  const endMs = performance.now() + GRACE_MS;
  while (isAlive(group) && performance.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
}

/** A group whose last members are zombies can still be signalled, but nothing in it lives. */
function isAlive(group: number): boolean {
  if (!signal(-group, 0)) return false;
  return !existsSync('/proc/self/stat') || living((one) => one.group === group).length > 0;
}

function signal(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function descendantsOf(root: number): Process[] {
  const all = living(() => true);
  const found = all.filter(({ pid }) => pid === root);
  // The list grows while it is walked: each process found adds its children.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function living(wanted: (one: Process) => boolean): Process[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readProcess)
    .filter(wanted);
}

/** proc(5): `pid (name) state ppid pgrp …`; the name may itself hold spaces and parentheses. Zombies are left out. */
function readProcess(pid: string): Process[] {
  const match = /^\d+ \((.*)\) ([^ZX]) (\d+) (\d+) /s.exec(readStat(pid));
  if (match === null) return [];
  const [, name = '', , parent, group] = match;
  return [{ pid: Number(pid), name, parent: Number(parent), group: Number(group) }];
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return ''; // it ended between listing and reading
    throw error;
  }
}
