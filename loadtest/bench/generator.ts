/**
 * A process of clients. It is told what to do over IPC, paces messages by the clock whatever the servers do (open loop), and
 * watches its own CPU and event loop, so that a figure that it spoilt itself can be recognised.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Client, STAMP_CHARS, type Tally } from './client.ts';
import { Histogram } from './histogram.ts';
import type { Connected, Envelope, Order, Reading, Reply, Traffic } from './orders.ts';
import { BARE } from './speech/bare.ts';
import { createHushwire } from './speech/hushwire.ts';
import { SOCKET_IO } from './speech/socket-io.ts';
import type { Speech, SpeechOptions } from './speech.ts';

/** How often it looks whether messages are due. */
const TICK_MS = 1;
/** Credentials made at once: more would only wait for each other. */
const PREPARED_AT_ONCE = 64;

const tally: Tally = {
  sent: 0,
  received: 0,
  acked: 0,
  refused: 0,
  recovered: 0,
  lost: 0,
  retries: 0,
  latencies: new Histogram(),
};
const loopDelay = monitorEventLoopDelay({ resolution: 5 });
let clients: Client[] = [];
let marked = { atMs: performance.now(), cpu: process.cpuUsage() };
let stopTraffic: () => void = () => undefined;
let fellAtMs = 0;

process.on('message', (envelope: Envelope) => void answer(envelope));
process.on('disconnect', () => process.exit(0));

async function answer({ id, order }: Envelope): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, result: await obey(order) };
  } catch (error) {
    reply = { id, fault: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(reply);
}

function obey(order: Order): unknown {
  switch (order.do) {
    case 'connect':
      return connectAll(order);
    case 'traffic':
      stopTraffic();
      stopTraffic = startTraffic(order.traffic);
      return undefined;
    case 'quiet':
      return stopTraffic();
    case 'mark':
      return mark();
    case 'read':
      return read();
    case 'return':
      fellAtMs = performance.now();
      for (const client of clients) client.returnTo(order.url);
      return undefined;
    case 'returned':
      return allReturned();
  }
}

async function connectAll({
  peers,
  speech: options,
  atOnce,
}: Extract<Order, { do: 'connect' }>): Promise<Connected> {
  const speech = await createSpeech(options);
  const added = peers.map((peer) => new Client(peer, speech, tally));
  await eachOf(added, PREPARED_AT_ONCE, (client) => client.prepare());
  const retriesBefore = tally.retries;
  const startedMs = performance.now();
  await eachOf(added, atOnce, (client) => client.connect());
  clients = [...clients, ...added];
  return { ready: added.length, retries: tally.retries - retriesBefore, ms: performance.now() - startedMs };
}

async function createSpeech(options: SpeechOptions): Promise<Speech> {
  if (options.kind === 'bare') return BARE;
  return options.kind === 'socket.io' ? SOCKET_IO : createHushwire(options.issuer, options.signingKeys);
}

async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

function startTraffic({ perSecond, bytes, manner, senders = clients.length }: Traffic): () => void {
  const filler = 'x'.repeat(Math.max(0, bytes - STAMP_CHARS));
  const speaking = clients.slice(0, senders);
  const startedMs = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000);
    for (; said < due; said += 1) speaking[said % speaking.length]?.say(filler, manner);
  }, TICK_MS);
  return () => clearInterval(timer);
}

function mark(): void {
  Object.assign(tally, { sent: 0, received: 0, acked: 0, refused: 0, recovered: 0, lost: 0, retries: 0 });
  tally.latencies.clear();
  loopDelay.enable();
  loopDelay.reset();
  marked = { atMs: performance.now(), cpu: process.cpuUsage() };
}

function read(): Reading {
  const { user, system } = process.cpuUsage(marked.cpu);
  const { sent, received, acked, refused, recovered, lost, latencies } = tally;
  return {
    ...{ sent, received, acked, refused, recovered, lost },
    latencies: [...latencies.counts],
    cpu: (user + system) / 1_000 / (performance.now() - marked.atMs),
    loopDelayP99Ms: loopDelay.percentile(99) / 1e6,
  };
}

/** Resolves when every client is ready again. */
function allReturned(): Promise<Connected> {
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (clients.some((client) => !client.isReady)) return;
      clearInterval(look);
      const ms = performance.now() - fellAtMs;
      resolve({ ready: clients.length, retries: tally.retries, ms });
    }, 20);
  });
}
