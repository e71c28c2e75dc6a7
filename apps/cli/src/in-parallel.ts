/**
 * Does the work on all items, `atOnce` at a time. After the first failure no other item is begun and `signal` aborts
 * those that are under way; that failure is thrown once all have ended.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController()
  const left = items[Symbol.iterator]()
  const worker = async () => {
    // By hand: a loop that ends early would end the iterator for all others.
    for (let next = left.next(); !next.done && !failure.signal.aborted; next = left.next()) {
      await work(next.value, failure.signal).catch((error: unknown) => failure.abort(error))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  failure.signal.throwIfAborted()
}
