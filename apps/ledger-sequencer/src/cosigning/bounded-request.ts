// HTTP with somebody who may mean harm: a deadline over all of it, a bounded body, no redirects. What goes wrong is a
// value, for a witness that misbehaves is no failure of ours.

export type RequestFailure = 'timeout' | 'unreachable' | 'redirected' | 'too-large'

export type BoundedAnswer = { status: number; contentType: string; text: string } | { failed: RequestFailure }

export type BoundedRequest = { url: string; body?: string; deadlineMs: number; bytesMax: number; signal?: AbortSignal }

/** POSTs `body`, or GETs without one. Connections are kept alive between calls, as fetch does. */
export async function boundedRequest({ url, body, ...limits }: BoundedRequest): Promise<BoundedAnswer> {
  const deadline = AbortSignal.timeout(limits.deadlineMs)
  const signal = limits.signal ? AbortSignal.any([deadline, limits.signal]) : deadline
  const post = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'text/plain' } }
  try {
    const response = await fetch(url, { ...post, redirect: 'manual', signal })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      return { failed: 'redirected' }
    }
    const text = await boundedText(response, limits.bytesMax)
    if (text === null) return { failed: 'too-large' }
    return { status: response.status, contentType: response.headers.get('content-type') ?? '', text }
  } catch {
    return { failed: deadline.aborted ? 'timeout' : 'unreachable' }
  }
}

// Leaving the loop ends the connection, whatever else would come.
async function boundedText(response: Response, bytesMax: number): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
