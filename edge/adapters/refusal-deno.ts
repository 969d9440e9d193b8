import type { Socket } from 'node:net';
import { utf8 } from '../../shared/bytes.ts';
import type { ProblemAnswer } from '../ports.ts';

/** How long a refused client may take to read why. */
const LINGER_MS = 1_000;

/**
 * Answers with problem details on a bare socket and ends it. What the client still sends is read and thrown away for a
 * second, because a reset would destroy the answer on its way.
 */
export function answerProblem(socket: Socket, { problem, headers }: ProblemAnswer): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
    `content-length: ${utf8(body).length}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on('close', () => clearTimeout(timer));
}
