import { Failure, toProblem } from '../../failure.ts';
import { FAILURES } from '../../failures.ts';
import { tagOf } from './scripted-socket.ts';

/** What the scripted edge was asked. */
export interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/**
 * Answers as an edge does, without looking at who asks: every channel is granted under the tag `tag-<id>`, unless
 * `refused` names it; `failures` are thrown first, one per call to `/v1/connect`.
 */
export class ScriptedEdge {
  readonly asked: Asked[] = [];
  readonly failures: Failure[] = [];
  readonly refused = new Set<string>();
  readonly origins = ['n1', 'n2'].map((node) => ({ node, url: `wss://${node}/v1/socket` }));

  fetch = (async (url: string, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted();
    const { pathname: path } = new URL(url);
    const body = JSON.parse(String(init?.body)) as Record<string, unknown>;
    this.asked.push({ path, body });
    const answer = this.#answer(path, body);
    if (answer instanceof Failure)
      return new Response(JSON.stringify(toProblem(answer, 'r')), {
        status: FAILURES[answer.code].status ?? 500,
      });
    return new Response(JSON.stringify(answer));
  }) as typeof globalThis.fetch;

  /** Channels of the newest call to `/v1/connect`. */
  get lastChannels(): unknown {
    return this.asked.findLast(({ path }) => path === '/v1/connect')?.body.channels;
  }

  get connects(): number {
    return this.asked.filter(({ path }) => path === '/v1/connect').length;
  }

  #answer(path: string, body: Record<string, unknown>): object {
    if (path === '/v1/accounts') return { userId: tagOf('user'), deviceId: 'd' };
    if (path.startsWith('/v1/sessions'))
      return { sessionId: 's', accessToken: 'access', accessExpiresInMs: 300_000, sessionExpiresInMs: 1 };
    if (path === '/v1/channels') return { channelId: body.channelId, channel: 'x', member: 'x' };
    if (path === '/v1/connect') return this.failures.shift() ?? this.#admission(body.channels as string[]);
    return new Failure('not_found');
  }

  #admission(channelIds: readonly string[]): object {
    const granted = channelIds.filter((id) => !this.refused.has(id));
    const refused = channelIds.filter((id) => this.refused.has(id));
    return {
      origins: this.origins,
      socketUrl: 'wss://edge/v1/socket',
      ticket: `ticket.${this.connects}.x`,
      ticketExpiresInMs: 30_000,
      ...(granted.length === 0 ? {} : { grants: `grants.${this.connects}.x`, grantsExpireInMs: 600_000 }),
      channels: granted.map((channelId) => ({
        channelId,
        channel: channelTag(channelId),
        member: OWN_MEMBER,
        verbs: ['subscribe', 'publish', 'presence'],
      })),
      refused: refused.map((channelId) => ({ channelId, code: 'not_a_member' })),
    };
  }
}

/** The caller's member tag in every channel. */
export const OWN_MEMBER = tagOf('own');

export function channelTag(channelId: string): string {
  return tagOf(`tag-${channelId}`);
}
