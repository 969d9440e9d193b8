import type { Skip } from './ledger.ts';

/** What one run of test files came to. `failed` counts failed tests and faults: every one of them is red. */
export interface Results {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly Skip[];
  /** What was red without being a test: hooks, empty files, unhandled rejections, leaks. */
  readonly faults: readonly string[];
}

/** `N passed, N failed`, and `, N skipped` only if something was: the line CI reads. */
export function countLine({ passed, failed, skips }: Results): string {
  const skipped = skips.length === 0 ? '' : `, ${skips.length} skipped`;
  return `${passed} passed, ${failed} failed${skipped}`;
}

/** `skipped: <title> (<reason>), …` */
export function skipLine(skips: readonly Skip[]): string {
  return `skipped: ${skips.map(({ title, reason }) => `${title} (${reason})`).join(', ')}`;
}
