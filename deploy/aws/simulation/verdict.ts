/** Runs the policies of a template under every load, and says what is wrong with them. */
import type { Template } from '../template.ts';
import { simulate, type Trace } from './group.ts';
import { LOADS, type Load } from './load.ts';
import { readPolicies } from './policies.ts';

/** Out within this time after in: the instance should have stayed, and people moved twice for nothing. */
const FLAP_MINUTES = 60;
const FULL_PERCENT = 100;
const LEAST = 2;
/** A quiet end of this many hours must have brought the group back to its least. */
const QUIET = 0.3;

export interface Outcome {
  readonly load: string;
  readonly faults: readonly string[];
  readonly least: number;
  readonly most: number;
  readonly fullest: number;
  readonly changes: number;
}

/** One outcome a load, in the order of LOADS. */
export function judgeTemplate(template: Template): Outcome[] {
  const policies = readPolicies(template);
  return LOADS.map((load) => judge(load, { trace: simulate(policies, load), min: policies.min }));
}

/** A line for people. */
export function outcomeLine({ load, faults, least, most, fullest, changes }: Outcome): string {
  const figures = `${least} to ${most} ready, fullest ${fullest.toFixed(0)} %, ${changes} changes`;
  return `${load.padEnd(32)} ${faults.length === 0 ? 'ok    ' : 'failed'}  ${figures}${faults.map((fault) => `\n  ${fault}`).join('')}`;
}

function judge(load: Load, { trace, min }: { trace: Trace; min: number }): Outcome {
  const { minutes, changes } = trace;
  const ready = minutes.map((minute) => minute.ready);
  return {
    load: load.name,
    faults: [
      ...sizeFaults(trace),
      ...fullFaults(trace),
      ...flapFaults(trace),
      ...burnFaults(trace),
      ...restFaults(load, { trace, min }),
    ],
    least: Math.min(...ready),
    most: Math.max(...ready),
    fullest: Math.max(...minutes.map(({ fullest }) => fullest)),
    changes: changes.length,
  };
}

function sizeFaults({ minutes }: Trace): string[] {
  const small = minutes.find(({ ready, desired }) => Math.min(ready, desired) < LEAST);
  return small === undefined
    ? []
    : [`only ${Math.min(small.ready, small.desired)} in minute ${small.minute}`];
}

function fullFaults({ minutes }: Trace): string[] {
  const full = minutes.find(({ fullest }) => fullest >= FULL_PERCENT);
  return full === undefined ? [] : [`too late: an instance is full in minute ${full.minute}`];
}

function flapFaults({ changes }: Trace): string[] {
  const flaps = changes.filter(({ minute, by }, i) => {
    const before = changes[i - 1];
    return by > 0 && before !== undefined && before.by < 0 && minute - before.minute < FLAP_MINUTES;
  });
  return flaps.length === 0 ? [] : [`flaps ${flaps.length} times, first in minute ${flaps[0]?.minute}`];
}

function burnFaults({ minutes, changes }: Trace): string[] {
  const change = changes.find(({ minute, by }) => by < 0 && minutes[minute]?.isFailing);
  return change === undefined ? [] : [`scales in while the budget burns, in minute ${change.minute}`];
}

/** Where the load ends next to nothing, so must the group. */
function restFaults(load: Load, { trace, min }: { trace: Trace; min: number }): string[] {
  const last = trace.minutes.at(-1);
  if (last === undefined || load.connections(last.minute) > QUIET) return [];
  return last.desired > min ? [`never returns to ${min}: ${last.desired} in the end`] : [];
}
