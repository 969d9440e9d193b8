/**
 * Every time and port that has to fit another one, in one place: relations.ts holds the relations.
 * Seconds unless the name says otherwise.
 */

/** Sockets of every process (shared by SO_REUSEPORT), internal API of the first, health of the whole instance. */
export const PORTS = { sockets: 9001, api: 9201, health: 9101, relay: 6390 } as const;

/** uWebSockets closes a silent socket after this, having pinged it (`HUSHWIRE_ORIGIN_SOCKET_IDLE_SECONDS`). */
export const SOCKET_IDLE = 60;

/** How long a node keeps an idle connection of its internal API (`HUSHWIRE_ORIGIN_KEEP_ALIVE_MS`), and the edge. */
export const NODE_KEEP_ALIVE = 95;

/** Between the two: pings keep sockets, and of two ends that may close an idle API connection the balancer is the first. */
export const BALANCER_IDLE = 90;

/** A cookie lets a client that comes back at once find the node it left; longer, it would unbalance the nodes. */
export const STICKINESS = 120;

/** Not ready is seen within `interval × unhealthy` = 10, ready within as much. */
export const HEALTH = { interval: 5, timeout: 4, healthy: 2, unhealthy: 2 } as const;

/** What a stopping node gets: it accepts until the balancer has noticed, then moves its connections. */
export const DRAIN = { lead: 20, window: 120, cap: 240 } as const;

/** How often an instance looks whether it is to go (deploy/aws/agent). */
export const AGENT_POLL = 5;

/** From the first sign that an instance is to go until its last connection is closed, at the latest. */
export const DRAIN_LONGEST = AGENT_POLL + DRAIN.lead + DRAIN.cap;

/**
 * On scale-in AWS deregisters the instance, waits this long, and only then begins the hook: the drain has to start with the
 * deregistration and be over within it.
 */
export const DEREGISTRATION = 300;

/** Where nothing is deregistered first, the hook alone has to cover the drain. It ends early when the agent says so. */
export const TERMINATION_HOOK = 330;

/** From launch to ready: booting, secrets, keys. Until then an instance counts neither as healthy nor in averages. */
export const WARM_UP = 120;
