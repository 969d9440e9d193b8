/**
 * How often one may call. Every budget is a sliding window in the state Redis, under a tag: addresses are tagged with the
 * day, so that no store can tell where somebody was yesterday.
 *
 * A budget is asked beside the first trip of a request and its verdict awaited before anything is written, so it costs no
 * trip of its own. Budgets of addresses are drawn on before anything is known; those of accounts and devices only after
 * an access token has proved who calls, so that no stranger can use them up.
 */

/** Who a budget belongs to. */
export type LimitSubject = 'address' | 'account' | 'device';

export interface LimitRule {
  readonly subject: LimitSubject;
  /** Calls in any window. */
  readonly calls: number;
  readonly windowSeconds: number;
  /** What happens when the budget cannot be asked in time. */
  readonly withoutStore: 'open' | 'closed';
  readonly what: string;
}

/**
 * `open` where the call fails by itself, or does no harm, without the state Redis. `closed` where a flood would leave
 * something behind for good.
 */
export const LIMIT_RULES = Object.freeze({
  signUp: rule('address', [20, 3_600], 'closed', '`POST /v1/accounts`'),
  proof: rule(
    'address',
    [300, 60],
    'open',
    '`POST /v1/sessions`, `/v1/sessions/renew`, `/v1/devices`, `/v1/recovery`, `/v1/recovery/permit`',
  ),
  address: rule('address', [1_200, 60], 'open', 'every other call'),
  device: rule('device', [600, 60], 'open', 'every *Bearer* call'),
  connect: rule('account', [120, 60], 'open', '`POST /v1/connect`'),
  service: rule('account', [3_000, 60], 'closed', '`/v1/channels/{channelId}/messages` and `/presence`'),
  mail: rule('account', [600, 60], 'closed', '`POST /v1/mailboxes/items`'),
  report: rule('account', [30, 3_600], 'closed', '`POST /v1/channels/{channelId}/reports`'),
  invite: rule(
    'account',
    [30, 3_600],
    'closed',
    '`POST /v1/channels/{channelId}/invitations`, `POST /v1/invitations`',
  ),
  lookup: rule('account', [120, 60], 'closed', '`POST /v1/keys/lookup`, `/v1/keys/history`'),
  write: rule('account', [120, 60], 'closed', 'every other *Bearer* call that makes or changes something'),
} as const);
export type LimitName = keyof typeof LIMIT_RULES;

/** `loadtest` is for generators, which come from few addresses; who a budget is for does not change. */
export type LimitProfile = 'default' | 'loadtest';
const ADDRESS_FACTOR: Readonly<Record<LimitProfile, number>> = { default: 1, loadtest: 10_000 };

/** What a limiter has to know of one rule. */
export interface Budget {
  readonly calls: number;
  readonly windowSeconds: number;
}
export type Budgets = Readonly<Record<LimitName, Budget>>;

/** Every budget, under a profile. */
export function budgetsOf(profile: LimitProfile): Budgets {
  const entries = Object.entries(LIMIT_RULES).map(([name, { subject, calls, windowSeconds }]) => {
    const factor = subject === 'address' ? ADDRESS_FACTOR[profile] : 1;
    return [name, { calls: calls * factor, windowSeconds }];
  });
  return Object.fromEntries(entries) as Budgets; // Made from the very names of the rules.
}

function rule(
  subject: LimitSubject,
  [calls, windowSeconds]: readonly [number, number],
  withoutStore: LimitRule['withoutStore'],
  what: string,
): LimitRule {
  return { subject, calls, windowSeconds, withoutStore, what };
}
