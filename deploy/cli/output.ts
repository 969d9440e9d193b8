/** What the CLI prints: plain lines for people, or one JSON object per line. */
import { Writable } from 'node:stream';

/** Control characters, and those that turn the direction of text: what others write must not command a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

export class Output {
  readonly isJson: boolean;
  readonly #out: Writable;
  readonly #err: Writable;

  constructor(streams: { readonly out: Writable; readonly err: Writable }, isJson: boolean) {
    this.isJson = isJson;
    this.#out = streams.out;
    this.#err = streams.err;
  }

  /** One result: `line` for people, `fields` as JSON. Resolves when the reader's side has it; throws when that is gone. */
  tell(line: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const text = this.isJson ? JSON.stringify(fields) : line;
    return new Promise((resolve, reject) => {
      this.#out.write(`${text}\n`, (error) => (error == null ? resolve() : reject(error)));
    });
  }

  /** The same without results: of a command within another. */
  withoutResults(): Output {
    return new Output({ out: nowhere(), err: this.#err }, this.isJson);
  }

  /** Something to read on the way that is no result. */
  note(line: string): void {
    this.#err.write(`${line}\n`);
  }
}

/** On one line, and harmless to a terminal: what is not printable is shown as JavaScript writes it. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) =>
    char === '\n' ? '\\n' : char === '\t' ? '\\t' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function nowhere(): Writable {
  return new Writable({ write: (_, __, done) => done() });
}
