import * as assert from 'uvu/assert';

/** Asserts that it rejects with an error whose message matches: of foreign errors there is nothing else to go by. */
export async function rejects(promise: PromiseLike<unknown>, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.match(String((error as Error).message), message);
    return;
  }
  throw new Error('Expected a rejection, but it resolved');
}
