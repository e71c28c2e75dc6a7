// The headers of a received message, read from its bytes. The client library searches all headers for each one that it
// reads, which was the dearest part of an event, and throws at a name that it does not like: within the callback of a
// subscription that ends its connection, so that whoever may publish could silence every reader.
import type { HeaderRecord } from './event-headers.js'

/** A message of the client library, of JetStream or not. */
export type ReceivedMessage = { readonly headers?: Iterable<[string, string[]]> | undefined }

// As version 3 of it keeps what came; `hdr` is how many bytes of it are headers, -1 for none.
type Undecoded = { readonly _rdata: Uint8Array; readonly _msg: { readonly hdr: number } }

/** All headers by name, none of a message that has none; what is no header is left out. Never throws. */
export function headersIn(message: ReceivedMessage): HeaderRecord {
  const plain = 'msg' in message ? message.msg : message
  if (isUndecoded(plain)) {
    const { _rdata: bytes, _msg: sizes } = plain
    return readHeaders(bytes.subarray(0, Math.max(0, sizes.hdr)))
  }
  try {
    return Object.fromEntries(message.headers ?? [])
  } catch {
    return {}
  }
}

function isUndecoded(message: unknown): message is Undecoded {
  const { _rdata: bytes, _msg: sizes } = message as Partial<Undecoded>
  return bytes instanceof Uint8Array && typeof sizes?.hdr === 'number'
}

/** A block of headers, from its status line on, as the client library would read it. */
export function readHeaders(block: Uint8Array): HeaderRecord {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString()
  // A name is what somebody sent: none may reach the prototype.
  const headers: HeaderRecord = Object.create(null)
  for (let start = text.indexOf('\r\n') + 2; start > 1;) {
    const end = text.indexOf('\r\n', start)
    const line = text.slice(start, end === -1 ? undefined : end)
    const colon = line.indexOf(':')
    if (colon > 0) (headers[line.slice(0, colon)] ??= []).push(line.slice(colon + 1).trim())
    start = end + 2
  }
  return headers
}
