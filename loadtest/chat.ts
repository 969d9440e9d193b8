/**
 * Rooms of eight people on all nodes, who show their presence and write now and then, each when it occurs to them (Poisson).
 *
 *     k6 run -e EDGE_URL=https://edge.example -e SOCKETS=800 -e RATE=100 loadtest/chat.ts
 *
 * SOCKETS (800) people, RATE (100) messages a second altogether, SECONDS (120), PROBES (10). Messages of all are counted,
 * times are of the probes.
 */

import { runGenerator, runProbe } from './lib/plan.ts';
import { chatOptions, chatPlan, runRooms } from './lib/rooms.ts';
import { summarise } from './lib/summary.ts';

const PLAN = chatPlan(120);

export const options = chatOptions(PLAN);
export const crowd = () => runRooms(PLAN);
export const probes = () => runProbe(PLAN);
export const generator = () => runGenerator(PLAN);
export const handleSummary = summarise('chat');
