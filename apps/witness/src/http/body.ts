// Reads the body of a request, and not a byte more than is allowed.
import type { IncomingMessage } from 'node:http'

/** The client went away before its request was whole: nobody waits for an answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** Null when it is longer. Rejects with ClientGone when the client breaks off. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | null> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return null
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > bytesMax) return null
      chunks.push(chunk)
    }
  } catch (cause) {
    throw new ClientGone('the client broke off', { cause })
  }
  return Buffer.concat(chunks)
}
