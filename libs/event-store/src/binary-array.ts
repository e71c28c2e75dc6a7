// Arrays of bytes as Postgres sends and takes them in binary (array_send, array_recv): as text each byte would be written
// as two digits, by the client and again by the server.

const OID_BYTEA = 17
const HEADER_BYTES = 20
const LENGTH_BYTES = 4

/** A parameter of type bytea[]. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  const size = values.reduce((sum, value) => sum + LENGTH_BYTES + (value?.length ?? 0), HEADER_BYTES)
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4)
  buffer.writeInt32BE(OID_BYTEA, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let offset = HEADER_BYTES
  for (const value of values) {
    buffer.writeInt32BE(value?.length ?? -1, offset)
    offset += LENGTH_BYTES
    if (value) buffer.set(value, offset)
    offset += value?.length ?? 0
  }
  return buffer
}
