/**
 * Entry of the agent of an instance (hushwire-agent.service): looks every few seconds whether the instance is to go, and
 * publishes its metrics once a minute. Needs Node, the AWS CLI and systemd; none of the packages of deploy/aws.
 */
import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GROUP_NAME, NAMESPACE } from '../names.ts';
import { AGENT_POLL, PORTS } from '../timings.ts';
import { createDeparture } from './departure.ts';
import { type Counters, readMetrics } from './readings.ts';

const METADATA = process.env.HUSHWIRE_AGENT_METADATA ?? 'http://169.254.169.254';
const HEALTH = process.env.HUSHWIRE_AGENT_HEALTH ?? `http://127.0.0.1:${PORTS.health}`;
const INSTANCE = process.env.HUSHWIRE_AGENT_INSTANCE ?? '';
const TARGETS = process.env.HUSHWIRE_AGENT_TARGETS ?? '';
const ASK_TIMEOUT_MS = 2_000;
const RUN_TIMEOUT_MS = 20_000;
/** systemd kills the origin after 300 s (hushwire-origin.service); a little more, so that it is systemd who decides. */
const STOP_TIMEOUT_MS = 320_000;
const PUBLISH_EVERY = 60 / AGENT_POLL;

const run = promisify(execFile);
const log = (event: string, fields = {}) => console.log(JSON.stringify({ event, ...fields }));

const look = createDeparture({
  lifecycleState: () => told('lifecycle', askMetadata),
  targetState: () => told('target', askTarget),
  stopOrigin: async () => {
    await run('systemctl', ['stop', 'hushwire-origin'], { timeout: STOP_TIMEOUT_MS });
  },
  completeHook: async () => (await told('hook', completeHook)) !== undefined,
  log,
});

await begin();

async function begin(): Promise<void> {
  let before: Counters | undefined;
  for (let turn = 0; ; turn++) {
    if ((await look()) === 'gone') return log('departure.done');
    if (turn % PUBLISH_EVERY === 0) before = (await told('publish', () => publish(before))) ?? before;
    await wait(AGENT_POLL * 1_000);
  }
}

/** What was asked, or undefined with a line in the log: no single failure ends the agent. */
async function told<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    log('ask.failed', { what, reason: error instanceof Error ? error.name : 'unknown' });
    return undefined;
  }
}

async function askMetadata(): Promise<string> {
  const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
  const token = await fetchText(`${METADATA}/latest/api/token`, { method: 'PUT', headers });
  const path = '/latest/meta-data/autoscaling/target-lifecycle-state';
  return fetchText(`${METADATA}${path}`, { headers: { 'X-aws-ec2-metadata-token': token } });
}

async function askTarget(): Promise<string> {
  const query = ['--targets', `Id=${INSTANCE}`, '--query', 'TargetHealthDescriptions[0].TargetHealth.State'];
  return aws('elbv2', 'describe-target-health', '--target-group-arn', TARGETS, ...query);
}

async function completeHook(): Promise<string> {
  const names = ['--auto-scaling-group-name', GROUP_NAME, '--lifecycle-hook-name', 'drain'];
  const result = ['--lifecycle-action-result', 'CONTINUE', '--instance-id', INSTANCE];
  return aws('autoscaling', 'complete-lifecycle-action', ...names, ...result);
}

/** Publishes and returns the counters, to be compared with next time. */
async function publish(before: Counters | undefined): Promise<Counters> {
  const ready = await fetch(`${HEALTH}/readyz`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  await ready.body?.cancel();
  const reading = readMetrics(await fetchText(`${HEALTH}/metrics`), {
    isReady: ready.ok,
    ...(before && { before }),
  });
  const Dimensions = [{ Name: 'AutoScalingGroupName', Value: GROUP_NAME }];
  const data = JSON.stringify(reading.data.map((datum) => ({ ...datum, Dimensions })));
  await aws('cloudwatch', 'put-metric-data', '--namespace', NAMESPACE, '--metric-data', data);
  return reading.counters;
}

async function fetchText(url: string, options: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

async function aws(...args: string[]): Promise<string> {
  const { stdout } = await run('aws', [...args, '--output', 'text'], { timeout: RUN_TIMEOUT_MS });
  return stdout.trim();
}
