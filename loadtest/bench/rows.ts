import type { Row } from './row.ts';
import { EPHEMERAL, UNICAST } from './rows/unicast.ts';

/** Every row, in the order of the report. */
export const ROWS: readonly Row[] = [UNICAST, EPHEMERAL];
