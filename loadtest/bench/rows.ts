import type { Row } from './row.ts';
import { CONNECT } from './rows/connect.ts';
import { EDGE } from './rows/edge.ts';
import { FAN_OUT } from './rows/fan-out.ts';
import { IDLE } from './rows/idle.ts';
import { RECONNECT } from './rows/reconnect.ts';
import { SCALE } from './rows/scale.ts';
import { EPHEMERAL, UNICAST } from './rows/unicast.ts';

/** Every row, in the order of the report. */
export const ROWS: readonly Row[] = [UNICAST, EPHEMERAL, FAN_OUT, IDLE, CONNECT, RECONNECT, EDGE, SCALE];
