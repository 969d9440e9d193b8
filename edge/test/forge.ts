import { toBase64Url, utf8 } from '../../shared/bytes.ts';

/** Header or claims of a token, as they stand in it. */
export function encodePart(value: unknown): string {
  return toBase64Url(utf8(JSON.stringify(value)));
}

/** A token signed with HMAC under what everybody knows: the oldest way to forge one. */
export async function hmacToken(
  header: object,
  claims: string,
  secret: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const bytes = typeof secret === 'string' ? utf8(secret) : secret;
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const text = `${encodePart(header)}.${claims}`;
  return `${text}.${toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(text))))}`;
}
