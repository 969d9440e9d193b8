import { openNodeSocket } from '../../../shared/client/adapters/node-socket.ts';
import type { OpenSocket } from '../../../shared/client/socket.ts';
import type { Canaries } from './canaries.ts';

/** Where somebody is, as a proxy in front of the edge tells it, and with what. */
export interface Place {
  readonly address: string;
  readonly userAgent: string;
}

/** Answers and questions by the names of their fields; whatever else stands in them is no secret, or noted elsewhere. */
const TOKENS = /^(?:assertion|approval|accessToken|ticket|grants|invitation|permit|entry|idToken|statement)$/;
const TEXTS =
  /^(?:userId|deviceId|sessionId|channelId|x|y|identityKey|secret|recoveryCode|safetyNumber|list|agreementKey)$/;

/** The network of one person: says where they are, and notes what must be nowhere. */
export function createWire(place: Place, canaries: Canaries) {
  canaries.text('address', place.address);
  canaries.text('user agent', place.userAgent);
  const wiredFetch: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('x-forwarded-for', place.address);
    headers.set('user-agent', place.userAgent);
    if (typeof init?.body === 'string') note(JSON.parse(init.body), canaries);
    const answer = await fetch(input, { ...init, headers });
    if (answer.headers.get('content-type')?.includes('json')) note(await answer.clone().json(), canaries);
    return answer;
  };
  const openSocket: OpenSocket = (url, protocols, events) => openNodeSocket(url, protocols, events);
  return { fetch: wiredFetch, openSocket };
}

function note(value: unknown, canaries: Canaries, name = ''): void {
  if (Array.isArray(value)) for (const item of value) note(item, canaries, name);
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) note(inner, canaries, key);
  else if (typeof value !== 'string' || value.length < 16) return;
  else if (TOKENS.test(name)) canaries.token(name, value);
  else if (TEXTS.test(name)) canaries.text(name, value);
}
