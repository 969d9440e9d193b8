/** Names that templates and instances share. */
export const GROUP_NAME = 'hushwire-origin';
export const NAMESPACE = 'Hushwire';

/** What the agent publishes once a minute, and the group scales by. */
export const METRIC = {
  connections: 'ConnectionUtilization',
  loop: 'EventLoopUtilization',
  commands: 'Commands',
  failures: 'CommandFailures',
  ready: 'Ready',
} as const;
