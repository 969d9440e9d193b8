/** The algorithms of the signatures that were verified meanwhile; everything runs in this process. */
export async function countVerifications<T>(
  run: () => Promise<T>,
): Promise<{ verified: string[]; answer: T }> {
  const verified: string[] = [];
  const { subtle } = crypto;
  const { verify } = subtle;
  subtle.verify = (...args: Parameters<typeof verify>) => {
    verified.push(args[1].algorithm.name);
    return verify.apply(subtle, args);
  };
  try {
    return { answer: await run(), verified };
  } finally {
    subtle.verify = verify;
  }
}
