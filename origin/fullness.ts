import type { Load, LoadLimits } from './health.ts';

/** Steps in which fullness is told: finer ones would move sessions between nodes for nothing. */
const STEPS = 20;

/**
 * How full a node is, from 0 (empty) to 1 (takes nobody more): the largest share of any of its own limits, in steps of
 * a twentieth. The edge sends new connections to a node in proportion to what is left.
 */
export function fullness(connections: number, load: Load, limits: LoadLimits): number {
  const share = Math.max(
    connections / limits.connections,
    load.eventLoopLagMs / limits.eventLoopLagMs,
    load.residentBytes / limits.residentBytes,
  );
  return Math.min(1, Math.round(share * STEPS) / STEPS);
}
