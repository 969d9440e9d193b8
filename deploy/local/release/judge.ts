/** Whether a node of the new release does worse than those of the old one. */

/** What a node did since it was last looked at. */
export interface Figures {
  readonly isReady: boolean;
  readonly connections: number;
  /** Publications accepted. */
  readonly publishes: number;
  /** Commands answered with a failure that is the service's fault. */
  readonly failures: number;
  /** Gaps told. */
  readonly gaps: number;
  readonly lagSeconds: number;
  /** From an announcement's asking to its arrival. */
  readonly relayLagSeconds: number;
}

/** So many commands have to come before a share of them says anything. */
const COMMANDS_MIN = 20;
/** The error budget of the SLO is 0.1 %; ten times that in a minute is no accident. */
const FAILED_SHARE_MAX = 0.01;
/** What is later than this is felt. */
const LAG_MAX_SECONDS = 0.1;

/** Why it must not go on; undefined when nothing speaks against it. */
export function judge(canary: Figures, others: readonly Figures[]): string | undefined {
  if (!canary.isReady) return 'it is not ready';
  if (!isTelling(canary))
    return `too little came to it to know anything (${canary.connections} connections, ${commandsOf(canary)} commands)`;
  const share = shareOf([canary]);
  if (share > FAILED_SHARE_MAX && share > 2 * shareOf(others))
    return `${(100 * share).toFixed(1)} % of its commands fail, ${(100 * shareOf(others)).toFixed(1)} % of the others'`;
  const gaps = others.reduce((sum, one) => sum + one.gaps, 0);
  if (canary.gaps > 0 && gaps === 0) return `it told ${canary.gaps} gaps, the others none`;
  return (
    lateness(
      'its event loop is',
      canary.lagSeconds,
      others.map(({ lagSeconds }) => lagSeconds),
    ) ??
    lateness(
      'its relay is',
      canary.relayLagSeconds,
      others.map(({ relayLagSeconds }) => relayLagSeconds),
    )
  );
}

/** Whether enough came to it to judge it by. */
export function isTelling(figures: Figures): boolean {
  return figures.connections > 0 && commandsOf(figures) >= COMMANDS_MIN;
}

function commandsOf({ publishes, failures }: Figures): number {
  return publishes + failures;
}

function lateness(what: string, own: number, others: readonly number[]): string | undefined {
  const usual = Math.max(0, ...others);
  if (own <= LAG_MAX_SECONDS || own <= 3 * usual) return undefined;
  return `${what} ${Math.round(own * 1_000)} ms late, the others' ${Math.round(usual * 1_000)} ms`;
}

function shareOf(figures: readonly Figures[]): number {
  const failures = figures.reduce((sum, one) => sum + one.failures, 0);
  const publishes = figures.reduce((sum, one) => sum + one.publishes, 0);
  return failures === 0 ? 0 : failures / (failures + publishes);
}

/** Failures that are ours and not the caller's. */
const OURS = new Set(['unavailable', 'internal']);

/** Reads the figures of a node since its start from its metrics. */
export function figuresFrom(metrics: string): Figures {
  const value = (name: string) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
  const failed = metrics.matchAll(/^hushwire_command_failures_total\{[^}]*code="(\w+)"[^}]*\} (\S+)$/gm);
  return {
    isReady: value('hushwire_ready') === 1,
    connections: value('hushwire_connections'),
    publishes: value('hushwire_publishes_total'),
    failures: [...failed].reduce(
      (sum, [, code = '', count]) => sum + (OURS.has(code) ? Number(count) : 0),
      0,
    ),
    gaps: value('hushwire_gaps_total'),
    lagSeconds: value('hushwire_event_loop_lag_seconds'),
    relayLagSeconds: value('hushwire_relay_lag_seconds'),
  };
}

/** What came since `before`. */
export function since(before: Figures, now: Figures): Figures {
  return {
    ...now,
    publishes: now.publishes - before.publishes,
    failures: now.failures - before.failures,
    gaps: now.gaps - before.gaps,
  };
}
