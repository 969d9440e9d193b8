/**
 * Notices that this instance is to go, and drains it in time. AWS deregisters an instance and waits before the termination
 * hook begins, so the hook is too late to start: the first of several signs counts.
 */
export interface DeparturePorts {
  /** Target lifecycle state of the instance metadata, such as `InService` or `Terminated`; undefined when not told. */
  readonly lifecycleState: () => Promise<string | undefined>;
  /** State of this instance in its target group, such as `healthy` or `draining`; undefined when not told. */
  readonly targetState: () => Promise<string | undefined>;
  /** Stops the origin and resolves when its connections have moved; may be called again. */
  readonly stopOrigin: () => Promise<void>;
  /** Ends the termination hook; false while there is none to end. */
  readonly completeHook: () => Promise<boolean>;
  readonly log: (event: string) => void;
}

/** One look and what follows from it; the caller looks every few seconds. `gone` means that nothing is left to do. */
export type Look = () => Promise<'staying' | 'leaving' | 'gone'>;

/** A sign that cannot be read is no sign: an outage of AWS must not empty the service. A drain once begun is never undone. */
export function createDeparture(ports: DeparturePorts): Look {
  let hasStopped = false;
  return async () => {
    if (!hasStopped && !(await isToGo(ports))) return 'staying';
    if (!hasStopped) {
      ports.log('departure.begun');
      await ports.stopOrigin();
      hasStopped = true;
      ports.log('departure.drained');
    }
    return (await ports.completeHook()) ? 'gone' : 'leaving';
  };
}

async function isToGo({ lifecycleState, targetState }: DeparturePorts): Promise<boolean> {
  const [lifecycle, target] = await Promise.all([lifecycleState(), targetState()]);
  return lifecycle === 'Terminated' || target === 'draining';
}
