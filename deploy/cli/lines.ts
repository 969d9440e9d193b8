import type { Readable } from 'node:stream';
import { Failure } from '../../shared/failure.ts';

/** What a message holds, less what encryption adds to it: 64 KiB of ciphertext. */
export const TEXT_MAX_BYTES = 60 * 1024;

/** The lines of a stream, without their ends, held one at a time. Throws `payload_too_large` for one that no message holds. */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const part of stream) {
    const lines = `${rest}${String(part)}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield fitting(line.replace(/\r$/, ''));
    fitting(rest);
  }
  if (rest !== '') yield rest;
}

/** All of it as one text; throws as `linesOf`. */
export async function textOf(stream: Readable): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const part of stream) text = fitting(text + String(part));
  return text;
}

function fitting(text: string): string {
  if (Buffer.byteLength(text) > TEXT_MAX_BYTES)
    throw new Failure('payload_too_large', {
      detail: `A message holds at most ${TEXT_MAX_BYTES / 1024} KiB`,
    });
  return text;
}
