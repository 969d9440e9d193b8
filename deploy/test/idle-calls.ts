import { Agent, request } from 'node:http';
import { type FaultProxy, startFaultProxy } from '../local/faults/proxy.ts';
import type { Behind } from './balanced-stack.ts';

/** How late the end of a connection arrives: meanwhile the balancer takes it for open. */
const DISTANCE_MS = 400;
/** When calls come, around the time after which a balancer closes what is idle, and how near to each other. */
const BEFORE_MS = 500;
const AFTER_MS = 1_700;
const STEP_MS = 100;
/** Whoever calls just as the balancer closes has to call again, as of any server; these calls are about its other side. */
const OWN_RISK_MS = 200;

/** The same edge and nodes, as far away as a network puts them; close it after the balancers that use it. */
export async function distant({
  edge,
  nodes,
}: Behind): Promise<{ behind: Behind; close(): Promise<unknown> }> {
  const links: FaultProxy[] = [];
  const via = async (port: number) => {
    const link = await startFaultProxy({ target: () => port });
    link.delay(DISTANCE_MS, 'down');
    links.push(link);
    return link.port;
  };
  const far = nodes.map(async (node) => ({ ...node, internalPort: await via(node.internalPort) }));
  const behind = { edge: await via(edge), nodes: await Promise.all(far) };
  return { behind, close: () => Promise.all(links.map((link) => link.close())) };
}

/** How many of some 20 calls to a port of 127.0.0.1 fail that come on connections which were idle for about `idleMs`. */
export async function failuresAround(port: number, idleMs: number): Promise<number> {
  const count = (BEFORE_MS + AFTER_MS) / STEP_MS + 1;
  const pauses = Array.from({ length: count }, (_, i) => idleMs - BEFORE_MS + i * STEP_MS);
  const outcomes = await Promise.all(pauses.map((pauseMs) => failsAfter(pauseMs, { port, idleMs })));
  return outcomes.filter((fails) => fails).length;
}

/** Whether the second of two calls on one connection fails, or is cut off without an answer. */
async function failsAfter(
  pauseMs: number,
  { port, idleMs }: { port: number; idleMs: number },
): Promise<boolean> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const first = await post(port, agent);
    if (hasFailed(first)) throw new Error(`The first call already fails: ${first}`);
    const answeredMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, pauseMs)); // The pause is what this is about.
    // Measured, since a busy machine is late.
    if (Math.abs(performance.now() - answeredMs - idleMs) < OWN_RISK_MS) return false;
    return hasFailed(await post(port, agent));
  } finally {
    agent.destroy();
  }
}

function hasFailed(status: number | undefined): boolean {
  return status === undefined || status >= 500;
}

/** Not a call that only reads: nobody on the way may try it again. That it is refused does not matter. */
function post(port: number, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve) => {
    const to = { host: '127.0.0.1', port, path: '/v1/connect', agent, method: 'POST' };
    const call = request(to, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode));
    });
    call.once('error', () => resolve(undefined));
    call.end();
  });
}
