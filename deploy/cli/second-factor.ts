/** The second factor, from the command line or from the person at the terminal. */
import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { renderUnicodeCompact } from 'uqr';
import type { ClientOptions } from '../../shared/client/options.ts';
import type { AskSecondFactor, SecondFactor } from '../../shared/client/session.ts';
import type { Totp } from '../../shared/client/totp.ts';
import { Failure } from '../../shared/failure.ts';
import type { Output } from './output.ts';

export interface Asking {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** What the command line shows; undefined when nothing. */
export function shownBy({ totp, 'recovery-code': recoveryCode }: Asking['values']): SecondFactor | undefined {
  if (totp !== undefined) return { totp };
  return recoveryCode === undefined ? undefined : { recoveryCode };
}

/** Shows what the command line has, once, and then asks at the terminal; where there is none it gives up. */
export function factorFor(asking: Asking): AskSecondFactor {
  let shown = shownBy(asking.values);
  return async (why) => {
    const once = shown;
    shown = undefined;
    if (once !== undefined) return once;
    asking.output.note(`${why.message}.`);
    const code = await ask(asking, 'Code (or recovery code): ');
    if (code === undefined) return undefined;
    return /^\d{6}$/.test(code) ? { totp: code } : { recoveryCode: code };
  };
}

/** Sets a second factor up where the service asks for one, with the person at the terminal. */
export function enrolWith(asking: Asking): NonNullable<ClientOptions['enrol']> {
  return async (totp) => {
    await showEnrolment(totp, asking.output);
    const code = await ask(asking, 'Code of the new second factor: ');
    if (code === undefined) throw new Failure('second_factor_required');
    await confirm(totp, code, asking.output);
  };
}

/** Begins to set one up. */
export async function showEnrolment(totp: Totp, output: Output): Promise<void> {
  const { uri, secret } = await totp.enrol();
  await output.tell(`${renderUnicodeCompact(uri)}\n${uri}`, { uri, secret });
}

/** Turns it on, and shows its recovery codes. */
export async function confirm(totp: Totp, code: string, output: Output): Promise<void> {
  const recoveryCodes = await totp.confirm(code);
  await output.tell(`Recovery codes, told this once:\n${recoveryCodes.join('\n')}`, { recoveryCodes });
}

/** An answer of the person at the terminal; undefined when there is none. */
async function ask({ stdin, signal }: Asking, question: string): Promise<string | undefined> {
  if (!('isTTY' in stdin) || stdin.isTTY !== true) return undefined;
  const lines = createInterface({ input: stdin, output: process.stderr });
  try {
    return (await lines.question(question, { signal })).trim().replaceAll(' ', '') || undefined;
  } finally {
    lines.close();
  }
}
