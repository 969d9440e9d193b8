/**
 * Every failure a peer can ever see, in one frozen table: HTTP status, WebSocket close code, what to do next, title.
 * No other file may contain a close code or an error string.
 *
 * Close codes 4000–4499 mean "come back", 4500–4999 mean "do not"; 1009, 1011 and 1012 carry their RFC 6455 §7.4.1
 * meaning. A code that never closes a socket has `close: undefined`; one that never answers HTTP has `status: undefined`.
 *
 * Retry advice: `now` try again at once · `backoff` try again after a growing, jittered pause ·
 * `new-ticket` call `POST /v1/connect` (or renew the session) first · `never` the same request cannot succeed.
 */
export const FAILURES = freeze({
  bad_request: entry(400, undefined, 'never', 'The request is malformed'),
  bad_frame: entry(undefined, 4500, 'never', 'The frame is malformed'),
  frame_too_large: entry(undefined, 1009, 'never', 'The frame is larger than the limit'),
  payload_too_large: entry(413, undefined, 'never', 'The payload is larger than the limit'),
  unsupported_media_type: entry(415, undefined, 'never', 'The body must be application/json'),
  not_found: entry(404, undefined, 'never', 'There is nothing here'),
  method_not_allowed: entry(405, undefined, 'never', 'This method is not allowed here'),
  upgrade_required: entry(426, undefined, 'never', 'This address only speaks WebSocket'),
  origin_not_allowed: entry(403, undefined, 'never', 'This web origin is not on the allow-list'),
  protocol_unsupported: entry(400, 4505, 'never', 'No protocol version in common'),

  credentials_refused: entry(401, undefined, 'never', 'The credentials were refused'),
  assertion_replayed: entry(401, undefined, 'now', 'The assertion was used before'),
  second_factor_required: entry(401, undefined, 'never', 'A second factor is required'),
  second_factor_refused: entry(401, undefined, 'never', 'The second factor was refused'),
  second_factor_locked: entry(429, undefined, 'backoff', 'Too many attempts at the second factor'),
  step_up_required: entry(403, undefined, 'never', 'A second factor must have been shown a moment ago'),
  token_refused: entry(401, undefined, 'new-ticket', 'The access token was refused'),
  session_ended: entry(401, 4501, 'never', 'The session has ended'),
  forbidden: entry(403, undefined, 'never', 'This is not yours to do'),
  not_a_member: entry(403, 4503, 'never', 'Not a member of this channel'),
  invitation_required: entry(403, undefined, 'never', 'Signing up needs an invitation'),
  invitation_refused: entry(403, undefined, 'never', 'The invitation was refused'),
  id_token_required: entry(403, undefined, 'never', 'Signing up needs an ID token'),
  id_token_refused: entry(403, undefined, 'never', 'The ID token was refused'),
  key_log_refused: entry(400, undefined, 'never', 'The key log does not hold together'),
  conflict: entry(409, undefined, 'never', 'The state does not allow this'),
  report_refused: entry(422, undefined, 'never', 'Nothing proves that this was sent'),
  ban_list_refused: entry(undefined, undefined, 'never', 'The list of bans was altered'),

  ticket_refused: entry(undefined, 4401, 'new-ticket', 'The ticket was refused'),
  ticket_expired: entry(undefined, 4402, 'new-ticket', 'The ticket has expired'),
  ticket_used: entry(undefined, 4403, 'new-ticket', 'The ticket was used before'),
  ticket_timeout: entry(undefined, 4404, 'new-ticket', 'The connection was not admitted in time'),
  grant_required: entry(403, undefined, 'new-ticket', 'A grant is required for this'),
  grant_refused: entry(403, undefined, 'new-ticket', 'The grant was refused'),
  grant_expired: entry(403, 4411, 'new-ticket', 'The grant has expired'),
  verb_not_granted: entry(undefined, undefined, 'never', 'The grant does not allow this'),
  not_subscribed: entry(undefined, undefined, 'never', 'The connection is not subscribed to this channel'),
  channel_limit: entry(undefined, undefined, 'never', 'Too many channels on this connection'),
  pending_limit: entry(undefined, undefined, 'backoff', 'Too many unanswered commands on this connection'),

  mailbox_full: entry(undefined, undefined, 'backoff', 'The mailbox takes no more at the moment'),
  superseded: entry(undefined, undefined, 'never', 'A newer connection of this device took over'),

  too_many_requests: entry(429, 4429, 'backoff', 'Too many requests'),
  slow_consumer: entry(undefined, 4410, 'now', 'The connection reads too slowly'),
  server_draining: entry(503, 1012, 'now', 'The node is going away'),
  unavailable: entry(503, 4413, 'backoff', 'A part of the service is unreachable'),
  storage_failed: entry(undefined, undefined, 'backoff', 'This device could not store it'),
  internal: entry(500, 1011, 'backoff', 'Something failed on our side'),
});

/** What a client should do after a failure. */
export type Retry = 'now' | 'backoff' | 'new-ticket' | 'never';

/** One row of the table. */
export interface FailureEntry {
  readonly status: number | undefined;
  readonly close: number | undefined;
  readonly retry: Retry;
  readonly title: string;
}

export type FailureCode = keyof typeof FAILURES;

/** True for a string that names a row of the table; for codes read off the wire. */
export function isFailureCode(value: unknown): value is FailureCode {
  return typeof value === 'string' && Object.hasOwn(FAILURES, value);
}

/** The row whose close code is `close`, if any; standard codes map only where the table uses them. */
export function codeOfClose(close: number): FailureCode | undefined {
  return (Object.keys(FAILURES) as FailureCode[]).find((code) => FAILURES[code].close === close);
}

/** Whether a client that was closed with `close` should connect again (protocol.md, "Close codes"). */
export function mayReconnect(close: number): boolean {
  if (close >= 4500 && close <= 4999) return false;
  return close !== 1009;
}

function entry(
  status: number | undefined,
  close: number | undefined,
  retry: Retry,
  title: string,
): FailureEntry {
  return Object.freeze({ status, close, retry, title });
}

function freeze<T extends Record<string, FailureEntry>>(table: T): Readonly<T> {
  return Object.freeze(table);
}
