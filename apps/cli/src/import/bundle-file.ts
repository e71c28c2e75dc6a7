// One file of an import, judged before it is sent: is it a FHIR Bundle that a server can take as a whole?
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isResourceType } from '@careseal/fhir'
import { jsonFaultOf } from './json-place.js'

/** The largest file that is sent: the records service takes no larger body, and its origin passes none on. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024

export type BundleFile = {
  bytes: Buffer
  /** SHA-256 of the bytes as hex: names the file where its name may not appear, and is the key of a repeat. */
  hash: string
  entryCount: number
  countsByType: Map<string, number>
}

/** A file that is not sent, and why. Reasons name places, never content. */
export type RefusedFile = { refused: string; hash: string }

/** Reads and judges one file. Throws only if it cannot be read at all. */
export function readBundleFile(path: string): BundleFile | RefusedFile {
  const { size } = statSync(path)
  if (size > FILE_BYTES_MAX) return { refused: `larger than ${FILE_BYTES_MAX / 1024 / 1024} MiB`, hash: '' }
  const bytes = readFileSync(path)
  const hash = createHash('sha256').update(bytes).digest('hex')
  const parsed = parse(bytes)
  if ('refused' in parsed) return { ...parsed, hash }
  const entries = entriesOf(parsed.value)
  if (typeof entries === 'string') return { refused: entries, hash }
  return { bytes, hash, entryCount: entries.length, countsByType: countTypes(entries) }
}

function parse(bytes: Buffer): { value: unknown } | { refused: string } {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { refused: 'not UTF-8 text' }
  }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { refused: `not JSON: ${jsonFaultOf(text)}` }
  }
}

type Entry = { resource?: unknown }

function entriesOf(value: unknown): Entry[] | string {
  if (!isObject(value)) return 'no FHIR Bundle: not a JSON object'
  const { resourceType, type, entry } = value
  if (typeof resourceType !== 'string') return 'no FHIR Bundle: it has no resourceType'
  if (resourceType !== 'Bundle') return `no FHIR Bundle: its resourceType is ${typeName(resourceType)}`
  if (type !== 'transaction' && type !== 'batch') {
    return `a Bundle of ${kindOf(type)}: only transaction and batch can be imported`
  }
  if (!Array.isArray(entry) || entry.length === 0) return 'a Bundle without entries'
  const strange = entry.findIndex((one) => !isObject(one))
  return strange < 0 ? (entry as Entry[]) : `Bundle.entry[${strange}] is no object`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A name that FHIR has, or that there is none: anything may stand there. */
function typeName(name: unknown): string {
  return typeof name === 'string' && isResourceType(name) ? name : '(unknown)'
}

const OTHER_KINDS = 'document message transaction-response batch-response history searchset collection'.split(' ')

function kindOf(type: unknown): string {
  return typeof type === 'string' && OTHER_KINDS.includes(type) ? `type ${type}` : 'no type that FHIR has'
}

function countTypes(entries: Entry[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { resource } of entries) {
    const type = isObject(resource) ? typeName(resource['resourceType']) : '(none)'
    counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  return counts
}
