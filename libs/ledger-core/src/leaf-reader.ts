// Reads leaves in one pass over their bytes, for who checks millions of them: of whom a leaf is and which of theirs, no
// text made of its hashes. It takes exactly what encodeLeaf writes; parseEntry is the plain reader that it is tested by.
import { fromUtf8, utf8 } from '@careseal/crypto/portable'
import { checkProducer, type Leaf } from './entry.js'

export type LeafPlace = Pick<Leaf, 'producer' | 'seq'>

const HEX_DIGITS = 64
const SEQ_DIGITS_MAX = 16
const [QUOTE, ZERO, NINE] = [0x22, 0x30, 0x39]

const COMMITMENT = utf8('{"leaf":{"commitment":"')
const PRODUCER = utf8('","producer":"')
const TAG = utf8(',"tag":"')
const END = utf8('","v":1}}')

const isHexDigit = Uint8Array.from({ length: 256 }, (_, code) =>
  '0123456789abcdef'.includes(String.fromCharCode(code)) ? 1 : 0,
)

export class LeafReader {
  private producer = ''
  /** What stands between commitment and seq in the leaves of the last producer: most leaves are of the same one. */
  private middle: Uint8Array = PRODUCER

  /** The leaf that the bytes are, or null when they are none: another entry, or none at all. */
  read(bytes: Uint8Array): LeafPlace | null {
    const middleAt = COMMITMENT.length + HEX_DIGITS
    if (!holds(bytes, COMMITMENT, 0) || !holdsHex(bytes, COMMITMENT.length)) return null
    if (!this.isOfProducer(bytes, middleAt) && !this.turnTo(bytes, middleAt)) return null
    const seqAt = middleAt + this.middle.length
    const tagAt = endOfDigits(bytes, seqAt)
    const seq = decimal(bytes, seqAt, tagAt)
    const hexAt = tagAt + TAG.length
    const endAt = hexAt + HEX_DIGITS
    const isWhole = endAt + END.length === bytes.length && holds(bytes, END, endAt)
    if (seq === null || !isWhole || !holds(bytes, TAG, tagAt) || !holdsHex(bytes, hexAt)) return null
    return { producer: this.producer, seq }
  }

  private isOfProducer(bytes: Uint8Array, at: number): boolean {
    return this.producer !== '' && holds(bytes, this.middle, at)
  }

  private turnTo(bytes: Uint8Array, at: number): boolean {
    const nameAt = at + PRODUCER.length
    const name = bytes.subarray(nameAt, bytes.indexOf(QUOTE, nameAt))
    try {
      const producer = fromUtf8(name)
      checkProducer(producer)
      this.middle = utf8(`","producer":"${producer}","seq":`)
      this.producer = producer
    } catch {
      return false
    }
    return holds(bytes, this.middle, at)
  }
}

function holds(bytes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false
  return true
}

function holdsHex(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + HEX_DIGITS; i++) if (isHexDigit[bytes[i] as number] !== 1) return false
  return true
}

function endOfDigits(bytes: Uint8Array, at: number): number {
  let end = at
  while ((bytes[end] as number) >= ZERO && (bytes[end] as number) <= NINE) end += 1
  return end
}

// From 1 to 2^53 − 1, without leading zeros.
function decimal(bytes: Uint8Array, from: number, to: number): number | null {
  if (to === from || to - from > SEQ_DIGITS_MAX || bytes[from] === ZERO) return null
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + ((bytes[i] as number) - ZERO)
  return Number.isSafeInteger(value) ? value : null
}
