/**
 * Counts round trips. Every call of a wrapped port waits for the next turn, in which all calls that were made by then
 * are carried out together: calls made side by side share one turn, calls that wait for each other take one each. So
 * `turns` counts the trips that come one after another.
 */
export class Trips {
  /** Every call since `reset`, as `port.method`, in the order they were made. */
  calls: string[] = [];
  turns = 0;
  #waiting: (() => void)[] = [];

  reset(): void {
    this.calls = [];
    this.turns = 0;
  }

  /** The same port, counted. `methods` are its own methods; each must return a promise. */
  wrap<T extends object>(name: string, port: T): T {
    const methods = port as Record<string, unknown>;
    const wrapped: Record<string, unknown> = {};
    for (const method of Object.keys(methods).filter((key) => typeof methods[key] === 'function'))
      wrapped[method] = async (...args: unknown[]) => {
        this.calls.push(`${name}.${method}`);
        await this.#nextTurn();
        return (methods[method] as (...args: unknown[]) => unknown)(...args);
      };
    return wrapped as T; // Every method was wrapped with its own signature.
  }

  #nextTurn(): Promise<void> {
    if (this.#waiting.length === 0) setImmediate(() => this.#turn());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #turn(): void {
    this.turns += 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
