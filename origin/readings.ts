/** What a node tells of itself besides what it counts: numbers of the moment, read when somebody scrapes. */
import type { LoadLimits } from './health.ts';

export interface ReadingParts {
  readonly node: { readonly queuedBytes: number };
  readonly stores: {
    readonly probe: { readonly lagMs: number };
    readonly pool: { readonly usage: { readonly inUse: number; readonly waiting: number } };
    readonly commands: { readonly pending: number };
  };
  readonly load: { utilization(): number; read(): { readonly eventLoopLagMs: number } };
  readonly limits: LoadLimits;
  readonly revocations: { readonly size: number; readonly readAgeMs: number; readonly lagMs: number };
}

export function nodeReadings({ node, stores, load, limits, revocations }: ReadingParts) {
  const { probe, pool, commands } = stores;
  return [
    {
      name: 'hushwire_relay_lag_seconds',
      help: 'Time the last announcement took through the relay and back, by the way that messages take',
      read: () => probe.lagMs / 1_000,
    },
    {
      name: 'hushwire_relay_pipelines_pending',
      help: 'Pipelines sent to the relay and not answered yet',
      read: () => commands.pending,
    },
    {
      name: 'hushwire_queued_bytes',
      help: 'Bytes that wait for peers that read slowly',
      read: () => node.queuedBytes,
    },
    {
      name: 'hushwire_connection_limit',
      help: 'Connections beyond which this node is not ready',
      read: () => limits.connections,
    },
    {
      name: 'hushwire_event_loop_utilization',
      help: 'Share of the last ten seconds the event loop was busy',
      read: () => load.utilization(),
    },
    {
      name: 'hushwire_event_loop_lag_seconds',
      help: '99th percentile of how late the event loop was in the last ten seconds',
      read: () => load.read().eventLoopLagMs / 1_000,
    },
    {
      name: 'hushwire_postgres_pool_in_use',
      help: 'Connections to PostgreSQL that are in use',
      read: () => pool.usage.inUse,
    },
    {
      name: 'hushwire_postgres_pool_waiting',
      help: 'Statements that wait for a connection to PostgreSQL',
      read: () => pool.usage.waiting,
    },
    {
      name: 'hushwire_revocations_known',
      help: 'Sessions, devices and rights this node knows to have ended',
      read: () => revocations.size,
    },
    {
      name: 'hushwire_revocation_lag_seconds',
      help: 'Time the last ban or other ending took from the node that was told to the end of its sockets here',
      read: () => revocations.lagMs / 1_000,
    },
    {
      name: 'hushwire_revocation_read_age_seconds',
      help: 'Time since the durable revocations were read to their end',
      read: () => revocations.readAgeMs / 1_000,
    },
  ];
}
