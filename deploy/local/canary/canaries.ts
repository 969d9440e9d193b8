/** What must be nowhere: every one is long enough that it cannot turn up by chance. */

const BYTES_MIN = 9;

export class Canaries {
  readonly #all = new Map<string, { readonly what: string; readonly bytes: Buffer }>();

  /** Notes a text as it is, and what it stands for when it is base64url of at least as many bytes. */
  text(what: string, value: string): void {
    this.bytes(what, Buffer.from(value));
    if (/^[A-Za-z0-9_-]+$/.test(value) && value.length >= 22)
      this.bytes(`${what}, decoded`, Buffer.from(value, 'base64url'));
  }

  bytes(what: string, value: Uint8Array): void {
    const bytes = Buffer.from(value);
    if (bytes.length < BYTES_MIN) throw new Error(`Cannot search for ${what}: it is too short`);
    this.#all.set(bytes.toString('latin1'), { what, bytes });
  }

  /** Every part of a compact JWT or JWE by itself: a signature alone would do to tell whose it was. */
  token(what: string, value: string): void {
    for (const [i, part] of value.split('.').entries()) {
      // Headers say only which algorithm, the same for everybody; some parts are empty.
      if (i > 0 && part.length >= 16) this.text(`${what}, part ${i + 1}`, part);
    }
  }

  get all(): readonly { readonly what: string; readonly bytes: Buffer }[] {
    return [...this.#all.values()];
  }
}
