// What a route answers, before it is written to a connection.

export type Answer = { status: number; headers: Readonly<Record<string, string>>; body: string | Uint8Array }

/** A refusal or a failure: a code for programs, and a sentence. */
export function problem(status: number, code: string, detail: string): Answer {
  return text(status, `${code}: ${detail}\n`)
}

export function text(status: number, body: string, type = 'text/plain; charset=utf-8'): Answer {
  return { status, headers: { 'content-type': type, 'cache-control': 'no-store' }, body }
}

/** What a name leads to now and for ever. */
export function immutable(body: string | Uint8Array, type: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' },
    body,
  }
}
