const SPARE_MS = 60_000

/** How often an import asks for each of its tokens: one that is not answered shall not end hours of work. */
export const TOKEN_ATTEMPTS = 8

/** Gives a token that is valid now. Told of one that was `refused`, it gives another, if there can be another. */
export type TokenSource = (refused?: string) => Promise<string>

/** Asks for a token once and again a minute before it ends; callers at the same time share one request. */
export function cachedToken(
  ask: () => Promise<{ token: string; expiresInSeconds: number }>,
  now: () => number = () => performance.now(),
): TokenSource {
  let pending: Promise<string> | null = null
  let latest: string | undefined
  let validUntil = 0
  return (refused) => {
    // Without an end: one that a person gave, there is no other; or a request under way, for which whoever comes waits.
    const isEndless = validUntil === Number.POSITIVE_INFINITY
    if (pending && (isEndless || (now() < validUntil && refused !== latest))) return pending
    validUntil = Number.POSITIVE_INFINITY
    pending = ask().then(
      ({ token, expiresInSeconds }) => {
        validUntil = now() + expiresInSeconds * 1000 - SPARE_MS
        latest = token
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
