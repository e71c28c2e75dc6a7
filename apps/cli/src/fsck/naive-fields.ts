// The field tree of privacy.md once more, apart from libs/crypto: collect, sort by bytes, hash by RFC 6962's recursion.
import { sha256 } from './naive.js'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

export function fieldRootOf(resource: unknown, saltOf: (pointer: string) => Uint8Array): Buffer {
  const fields = [...walk(resource as Json, '')]
  fields.sort((a, b) => Buffer.compare(Buffer.from(a.pointer), Buffer.from(b.pointer)))
  const leaves = fields.map(({ pointer, value }) => {
    const salt = Buffer.from(saltOf(pointer)).toString('hex')
    return sha256(Buffer.of(0), Buffer.from(JSON.stringify([salt, pointer, value])))
  })
  return treeHash(leaves)
}

function* walk(value: Json, pointer: string): Generator<{ pointer: string; value: Json }> {
  const members = value !== null && typeof value === 'object' ? Object.entries(value) : []
  if (members.length === 0) yield { pointer, value }
  for (const [name, member] of members) {
    yield* walk(member, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
}

function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0] as Buffer
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)))
}
