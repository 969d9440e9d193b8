/**
 * Finds what a TypeScript or JavaScript file imports, without a compiler (TypeScript 7 has no API for it): a tokenizer
 * that knows comments, strings, templates and regular expressions, and a reader for the few forms an import can have.
 */

/** One import of a file. `specifier` is undefined where it is computed at run time. */
export interface Import {
  readonly specifier: string | undefined;
  readonly form: 'static' | 'type' | 'dynamic' | 'require';
}

export interface Scan {
  readonly imports: readonly Import[];
  /** `process.env` or `Deno.env` is read. */
  readonly readsEnvironment: boolean;
  /** Directives that undo what the compiler checks: `@ts-nocheck`, `@ts-ignore`, `<reference`. */
  readonly directives: readonly string[];
}

/** Reads one file's text. */
export function scan(source: string): Scan {
  const { tokens, comments } = tokenize(source);
  const texts = tokens.map(({ text }) => text);
  return {
    imports: tokens.flatMap((token, at) => (token.kind === 'word' ? importAt(tokens, at) : [])),
    readsEnvironment: /(?:^| )(?:process|Deno) (?:\? )?\. env(?: |$)/.test(texts.join(' ')),
    directives: comments.flatMap((comment) => DIRECTIVE.exec(comment)?.[1] ?? []),
  };
}

const DIRECTIVE = /^\/[/*]+\s*(@ts-nocheck|@ts-ignore|<reference)/;

interface Token {
  readonly kind: 'word' | 'string' | 'other';
  readonly text: string;
}

/** Comment · string · template (one without a nested template) · word or number · anything else. */
const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?<template>`(?:\\[\s\S]|[^`\\])*`)|(?<word>[\w$]+)|(?<other>\S)/y;
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
/** After these a slash divides; after anything else it begins a regular expression. */
const ENDS_VALUE = /^(?:[\w$]+|[)\]}]|['"`].*)$/s;
const BEGINS_VALUE = /^(?:return|typeof|case|in|of|await|yield|void|delete|else|do)$/;

function tokenize(source: string): { tokens: Token[]; comments: string[] } {
  const tokens: Token[] = [];
  const comments: string[] = [];
  for (let at = 0; at < source.length; ) {
    const last = tokens.at(-1)?.text ?? '';
    const canBeRegex = !ENDS_VALUE.test(last) || BEGINS_VALUE.test(last);
    const match = (canBeRegex ? matchAt(REGEX, source, at) : null) ?? matchAt(TOKEN, source, at);
    at += match?.[0].length ?? 1;
    if (match === null) continue;
    const [text] = match;
    const { comment, string, word } = match.groups ?? {};
    if (comment !== undefined) comments.push(comment);
    else if (string !== undefined) tokens.push({ kind: 'string', text });
    else tokens.push({ kind: word === undefined ? 'other' : 'word', text });
  }
  return { tokens, comments };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function importAt(tokens: readonly Token[], at: number): Import[] {
  const word = tokens[at]?.text;
  const next = tokens[at + 1];
  if (tokens[at - 1]?.text === '.' || next === undefined) return [];
  if (word === 'require' && next.text === '(') return called(tokens[at + 2], 'require');
  if (word === 'import' && next.text === '(') return called(tokens[at + 2], 'dynamic');
  if (word === 'import' && next.kind === 'string') return [{ specifier: unquote(next), form: 'static' }];
  if (word === 'import') return from(tokens, at);
  return word === 'export' && /^(?:\*|\{|type)$/.test(next.text) ? from(tokens, at) : [];
}

function called(argument: Token | undefined, form: 'dynamic' | 'require'): Import[] {
  return [{ specifier: argument?.kind === 'string' ? unquote(argument) : undefined, form }];
}

/** The `from '…'` that ends an import or export clause, if it has one. */
function from(tokens: readonly Token[], start: number): Import[] {
  for (let at = start + 1; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] as Token;
    const after = tokens[at + 1];
    if (text === 'from' && after?.kind === 'string') {
      const form = tokens[start + 1]?.text === 'type' ? 'type' : 'static';
      return [{ specifier: unquote(after), form }];
    }
    if (kind !== 'word' && !/^[{},*]$/.test(text)) return [];
  }
  return [];
}

function unquote({ text }: Token): string {
  return text.slice(1, -1);
}
