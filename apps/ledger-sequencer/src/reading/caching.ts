// How long others may keep what they read here, and answers under an ETag: what is known already is not sent again.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** What a path holds never changes: tiles, proofs for a named size, blocks under the published checkpoint. */
export const IMMUTABLE = 'public, max-age=31536000, immutable'
/** What grows with the ledger: the checkpoint, and all that is said under the newest one. */
export const FRESH = 'public, max-age=1'
/** What a restored ledger may have to take back: committed, and under no published checkpoint yet. */
export const UNSETTLED = 'no-store'

const compress = promisify(gzip)

export type Cacheable = {
  body: Uint8Array | string
  contentType: string
  cacheControl: string
  /** Whether a client that accepts gzip gets it. */
  compressible?: boolean
}

/** Answers with the body, or with 304 to whoever holds this very body. */
export async function sendCacheable(request: FastifyRequest, reply: FastifyReply, answer: Cacheable): Promise<void> {
  const { body, contentType, cacheControl, compressible = false } = answer
  const zipped = compressible && acceptsGzip(request.headers['accept-encoding'])
  const etag = etagOf(body, zipped)
  void reply.header('cache-control', cacheControl).header('content-type', contentType).header('etag', etag)
  if (compressible) void reply.header('vary', 'accept-encoding')
  if (holds(request.headers['if-none-match'], etag)) return void reply.code(304).send()
  if (!zipped) return void reply.send(body)
  void reply.header('content-encoding', 'gzip').send(await compress(body))
}

/** Whether an Accept-Encoding header asks for gzip: by name, and not with a quality of 0. */
export function acceptsGzip(header: string | undefined): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(header ?? '')
}

// Strong tags, so the two encodings of a body have one each (RFC 9110 section 8.8.3.3).
function etagOf(body: Uint8Array | string, zipped: boolean): string {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  return `"${digest}${zipped ? '-gzip' : ''}"`
}

// A comparison for If-None-Match is weak: what a proxy marked with W/ counts too.
function holds(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return known.includes(etag) || known.includes('*')
}
