/**
 * CloudWatch metric math on one point in time, as far as our alarms use it: numbers, names, IF, AND, OR, comparisons,
 * arithmetic and parentheses (CloudWatch user guide, "Using metric math"). What it does not know it refuses.
 */
type Values = Readonly<Record<string, number | undefined>>;
type Node = (values: Values) => number | undefined;

const TOKEN = /\s*(\d+(?:\.\d+)?|[a-zA-Z_]\w*|<=|>=|==|[<>()+\-*/,])/y;
/** From what binds least to what binds most. */
const LEVELS: readonly (readonly string[])[] = [
  ['OR'],
  ['AND'],
  ['<', '>', '<=', '>=', '=='],
  ['+', '-'],
  ['*', '/'],
];
const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number | undefined>> = {
  OR: (a, b) => Number(a !== 0 || b !== 0),
  AND: (a, b) => Number(a !== 0 && b !== 0),
  '<': (a, b) => Number(a < b),
  '>': (a, b) => Number(a > b),
  '<=': (a, b) => Number(a <= b),
  '>=': (a, b) => Number(a >= b),
  '==': (a, b) => Number(a === b),
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  // CloudWatch has no data point where it would divide by nothing.
  '/': (a, b) => (b === 0 ? undefined : a / b),
};

/** A function of the metrics' values; the result is undefined, missing data, when a value it needs is. */
export function parseExpression(text: string): Node {
  const tokens = tokenize(text);
  const node = parseLevel(tokens, 0);
  if (tokens.length > 0) throw new Error(`cannot read "${tokens.join(' ')}" in "${text}"`);
  return node;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const source = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(source)?.[1];
    if (token === undefined) throw new Error(`cannot read "${source.slice(at)}"`);
    tokens.push(token);
  }
  return tokens;
}

/** Reads from the front of `tokens`, and takes away what it read. */
function parseLevel(tokens: string[], level: number): Node {
  const operators = LEVELS[level];
  if (operators === undefined) return parseOperand(tokens);
  let left = parseLevel(tokens, level + 1);
  while (operators.includes(tokens[0] ?? '')) {
    const operation = OPERATIONS[tokens.shift() ?? ''];
    left = combine(left, parseLevel(tokens, level + 1), operation);
  }
  return left;
}

function combine(left: Node, right: Node, operation: (typeof OPERATIONS)[string] | undefined): Node {
  return (values) => {
    const [a, b] = [left(values), right(values)];
    return a === undefined || b === undefined ? undefined : operation?.(a, b);
  };
}

function parseOperand(tokens: string[]): Node {
  const token = tokens.shift();
  if (token === '(') {
    const inner = parseLevel(tokens, 0);
    expect(tokens, ')');
    return inner;
  }
  if (token === 'IF') return parseIf(tokens);
  if (token !== undefined && /^\d/.test(token)) return () => Number(token);
  if (token !== undefined && /^[a-z]/.test(token)) return (values) => values[token];
  throw new Error(`cannot read "${token}"`);
}

function parseIf(tokens: string[]): Node {
  const [condition, yes, no] = ['(', ',', ','].map((before) => {
    expect(tokens, before);
    return parseLevel(tokens, 0);
  });
  expect(tokens, ')');
  return (values) => {
    const holds = condition?.(values);
    if (holds === undefined) return undefined;
    return holds === 0 ? no?.(values) : yes?.(values);
  };
}

function expect(tokens: string[], wanted: string): void {
  const token = tokens.shift();
  if (token !== wanted) throw new Error(`"${wanted}" expected, not "${token}"`);
}
