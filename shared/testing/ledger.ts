/** A test that did not run, and why; `npm test` names each one, and CI fails on any. */
export interface Skip {
  readonly title: string;
  readonly reason: string;
}

/**
 * What really happened in this process, kept apart from uvu's own counting: uvu forgets hooks that throw, and an error
 * it cannot print. `run.ts` judges by this record alone.
 */
export interface Ledger {
  /**
   * True while `run.ts` imports test files. A file started on its own would end with 0 whatever its hooks did, and a
   * suite defined inside a running test would be lost.
   */
  isOpen: boolean;
  defined: number;
  ran: number;
  passed: number;
  failed: number;
  /** Title of the test or hook that runs now, to name what an unhandled rejection interrupted. */
  current: string;
  readonly skips: Skip[];
  /** Everything red that is no failed test: hooks, empty files, rejections nobody handled, leaks. */
  readonly faults: string[];
  /** Suites that ended with more open handles than they began with; named when the process cannot end. */
  readonly suspects: string[];
}

/** The one record of this process. */
export const ledger: Ledger = {
  isOpen: false,
  defined: 0,
  ran: 0,
  passed: 0,
  failed: 0,
  current: '',
  skips: [],
  faults: [],
  suspects: [],
};
