import { Hono } from 'hono';
import { describeRoute } from 'hono-openapi';
import { Failure } from '../../shared/failure.ts';
import { SOCKET_PATH } from '../../shared/frame.ts';
import type { EdgeEnv } from '../access.ts';
import { problemResponses } from '../openapi.ts';
import { NODE_PATTERN } from '../upgrade.ts';

/**
 * `GET /v1/socket` without an upgrade. The upgrade itself never comes here: the entry's relay takes it off the server
 * before (adapters/relay-deno.ts), because a socket has to be passed through byte by byte.
 */
export function socketRoutes() {
  const description = describeRoute({
    summary: 'Open a socket through the edge',
    description:
      'WebSocket (RFC 6455) with the subprotocols `hushwire.v1` and `hushwire.ticket.<ticket>`, passed through to a node.',
    tags: ['connecting'],
    security: [],
    parameters: [
      {
        in: 'query',
        name: 'node',
        description: 'Node to prefer',
        schema: { type: 'string', pattern: NODE_PATTERN },
      },
    ],
    responses: {
      101: { description: 'The socket is open' },
      ...problemResponses([
        'bad_request',
        'origin_not_allowed',
        'protocol_unsupported',
        'upgrade_required',
        'too_many_requests',
        'unavailable',
        'server_draining',
        'internal',
      ]),
    },
  });
  return new Hono<EdgeEnv>().get(SOCKET_PATH, description, () => {
    throw new Failure('upgrade_required');
  });
}
