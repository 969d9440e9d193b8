/**
 * Metrics of an edge on Deno, in Prometheus' text format, on a port of their own: nobody who uses the service should see
 * them. Labels are route patterns, methods and status codes: closed sets, nothing a caller chose.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Observe } from '../ports.ts';

/** Around the promise of 100 ms for 95 % of calls, and the aim of 20 ms. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export interface EdgeMetrics {
  readonly observe: Observe;
  text(): Promise<string>;
}

export function createEdgeMetrics(sockets: () => number): EdgeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'hushwire_edge_requests_total',
    help: 'Requests answered, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'hushwire_edge_request_duration_seconds',
    help: 'Time from request to answer, by route',
    labelNames: ['route'],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  new Gauge({
    name: 'hushwire_edge_sockets',
    help: 'Sockets passed through to nodes',
    registers,
    collect() {
      this.set(sockets());
    },
  });
  return {
    observe: ({ route, method, status, ms }) => {
      requests.inc({ route, method, status: String(status) });
      duration.observe({ route }, ms / 1_000);
    },
    text: () => registry.metrics(),
  };
}

export interface MetricsServer {
  readonly port: number;
  close(): void;
}

/** Serves them at `/metrics`; rejects with the system's error when it cannot listen. */
export async function serveMetrics(
  metrics: EdgeMetrics,
  address: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    const isAsked = request.method === 'GET' && request.url === '/metrics';
    if (!isAsked) return void response.writeHead(404).end();
    metrics.text().then(
      (text) => {
        const type = 'text/plain; version=0.0.4; charset=utf-8';
        response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
      },
      () => void response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => resolve());
  });
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
