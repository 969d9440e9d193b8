import { generateSync } from 'otplib';
import type { Account, Answer, Client, SignedIn } from './client.ts';

/** What an authenticator app shows at that moment. */
export function codeAt(secret: string, nowMs: number): string {
  return generateSync({ secret, epoch: Math.floor(nowMs / 1_000) });
}

/** Six digits that no neighbouring step has. */
export function wrongCode(secret: string, nowMs: number): string {
  const near = [-60_000, -30_000, 0, 30_000].map((ms) => codeAt(secret, nowMs + ms));
  for (const code of ['000000', '111111', '222222', '333333', '444444'])
    if (!near.includes(code)) return code;
  throw new Error('Four steps cannot have five codes');
}

/** A device whose account has a second factor. */
export interface Enrolled extends SignedIn {
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

/** Sets up the second factor with the code of this moment, which is used up by that. */
export async function enrol(client: Client, owner: SignedIn, nowMs: number): Promise<Enrolled> {
  const { json: begun } = await client.call('/v1/totp', { method: 'POST', token: owner.token });
  const code = codeAt(begun.secret, nowMs);
  const { json } = await client.call('/v1/totp/confirm', { token: owner.token, body: { code } });
  return { ...owner, secret: begun.secret, recoveryCodes: json.recoveryCodes };
}

/** Signs in with whatever is shown. */
export async function show(client: Client, { device, userId }: Account, shown: object): Promise<Answer> {
  const assertion = await client.assertion(device, { sub: userId });
  return client.call('/v1/sessions', { body: { assertion, ...shown } });
}
