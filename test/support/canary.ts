// Finds unmistakable values of a patient wherever they may not stand, in any of the forms that bytes take on the way.
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

export type Needle = { value: string; encoding: string; bytes: Buffer }

/** Raw, hex, base64 (three alignments), UTF-16 both ways, escaped JSON and percent-encoding of each value. */
export function needlesOf(values: readonly string[]): Needle[] {
  return values.flatMap((value) => {
    const raw = Buffer.from(value, 'utf8')
    const forms: [string, Buffer][] = [
      ['raw', raw],
      ['hex', Buffer.from(raw.toString('hex'))],
      ['HEX', Buffer.from(raw.toString('hex').toUpperCase())],
      ...[0, 1, 2].map((shift): [string, Buffer] => [`base64+${shift}`, base64Core(raw, shift)]),
      ['utf-16le', Buffer.from(value, 'utf16le')],
      ['utf-16be', Buffer.from(value, 'utf16le').swap16()],
      ['json', Buffer.from(escapeJson(value))],
      ['percent', Buffer.from(encodeURIComponent(value))],
    ]
    const distinct = forms.filter(([, bytes], i) => forms.findIndex(([, other]) => other.equals(bytes)) === i)
    return distinct.map(([encoding, bytes]) => ({ value, encoding, bytes }))
  })
}

/** What of the base64 of `shift` unknown bytes followed by `raw` depends on `raw` alone. */
function base64Core(raw: Buffer, shift: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(shift), raw])
    .toString('base64')
    .replace(/=+$/, '')
  const known = Math.floor(((shift + raw.length) * 8) / 6)
  return Buffer.from(text.slice(Math.ceil((shift * 8) / 6), known))
}

function escapeJson(value: string): string {
  return Array.from({ length: value.length }, (_, i) => value.charCodeAt(i))
    .map((code) => `\\u${code.toString(16).padStart(4, '0')}`)
    .join('')
}

export type Finding = { place: string; value: string; encoding: string }

export function searchBytes(place: string, bytes: Buffer, needles: readonly Needle[]): Finding[] {
  return needles
    .filter((needle) => bytes.includes(needle.bytes))
    .map(({ value, encoding }) => ({ place, value, encoding }))
}

/**
 * Searches every file below a folder in pieces that overlap by the longest needle. The folder may be in use: where a file
 * goes away meanwhile, what took its place has another name, so all of it is searched again.
 */
export async function searchFolder(folder: string, needles: readonly Needle[]): Promise<Finding[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await searchOnce(folder, needles)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error
    }
  }
}

const ATTEMPTS = 20

async function searchOnce(folder: string, needles: readonly Needle[]): Promise<Finding[]> {
  const overlap = Math.max(...needles.map((needle) => needle.bytes.length))
  const findings: Finding[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) findings.push(...(await searchFile(join(entry.parentPath, entry.name), needles, overlap)))
  }
  return findings
}

async function searchFile(path: string, needles: readonly Needle[], overlap: number): Promise<Finding[]> {
  const findings = new Map<string, Finding>()
  let tail: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 4 << 20 })) {
    const piece = Buffer.concat([tail, chunk as Buffer])
    for (const found of searchBytes(path, piece, needles)) findings.set(`${found.value} ${found.encoding}`, found)
    tail = piece.subarray(Math.max(0, piece.length - overlap))
  }
  return [...findings.values()]
}
