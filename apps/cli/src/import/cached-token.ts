const SPARE_MS = 60_000

/** How often an import asks for each of its tokens: one that is not answered shall not end hours of work. */
export const TOKEN_ATTEMPTS = 8

/** Asks for a token once and again a minute before it ends; callers at the same time share one request. */
export function cachedToken(
  ask: () => Promise<{ token: string; expiresInSeconds: number }>,
  now: () => number = () => performance.now(),
): () => Promise<string> {
  let pending: Promise<string> | null = null
  let validUntil = 0
  return () => {
    if (pending && now() < validUntil) return pending
    // Whoever comes while the request is under way waits for it.
    validUntil = Number.POSITIVE_INFINITY
    pending = ask().then(
      ({ token, expiresInSeconds }) => {
        validUntil = now() + expiresInSeconds * 1000 - SPARE_MS
        return token
      },
      (error: unknown) => {
        validUntil = 0
        throw error
      },
    )
    return pending
  }
}
