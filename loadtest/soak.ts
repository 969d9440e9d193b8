/**
 * The same as chat for an hour (or as long as you like): what leaks or slowly grows shows here, and every grant and access
 * token is renewed several times on the way.
 *
 *     k6 run -e EDGE_URL=https://edge.example -e SECONDS=3600 loadtest/soak.ts
 *
 * SOCKETS (800), RATE (100), SECONDS (3600), PROBES (10).
 */
import { runGenerator, runProbe } from './lib/plan.ts';
import { chatOptions, chatPlan, runRooms } from './lib/rooms.ts';
import { summarise } from './lib/summary.ts';

const PLAN = chatPlan(3_600);

export const options = chatOptions(PLAN);
export const crowd = () => runRooms(PLAN);
export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('soak');
