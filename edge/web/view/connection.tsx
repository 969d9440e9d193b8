import type { Connection, ConnectionState } from '../model/connection.ts';
import { words } from '../words/words.ts';

/** How the connection stands; read out when it changes, but not each time that it is measured. */
export function ConnectionLine({ connection }: { connection: Connection }) {
  const { value: state } = connection.state;
  const latencyMs = state.state === 'online' ? state.latencyMs : undefined;
  return (
    <p class="connection" data-state={state.state} title={detail(state)}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{sentence(state)}</span>
      {latencyMs !== undefined && <span class="latency">{words.value.latency(latencyMs)}</span>}
    </p>
  );
}

function sentence(state: ConnectionState): string {
  const text = words.value;
  if (state.state !== 'online') return text[state.state];
  const { node, isThroughEdge, movedFrom } = state;
  const parts = [
    text.onlineAt(node),
    ...(isThroughEdge ? [text.throughEdge] : []),
    ...(movedFrom === undefined ? [] : [text.movedFrom(movedFrom)]),
  ];
  return parts.join(', ');
}

function detail(state: ConnectionState): string {
  const text = words.value;
  if (state.state === 'offline') return text.offlineText;
  return state.state === 'reconnecting' ? text.reconnectingText : '';
}
