// The page that a witness serves is made from the sources, and its hash is told where a reader looks for it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PAGE, verifierPage, withHashOf } from '../../apps/witness/tools/verifier-page.mjs'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8')

it('the verifier page is that of the sources: npm run docs makes it anew', { timeout: 60_000 }, async () => {
  expect(read(PAGE) === (await verifierPage())).toBe(true)
})

it('docs/trust.md tells the hash of the page that lies here', () => {
  const hash = createHash('sha256').update(read(PAGE)).digest('hex')
  expect(read('docs/trust.md')).toContain(`SHA-256 of the verifier page: \`${hash}\``)
  expect(withHashOf(read(PAGE), read('docs/trust.md'))).toBe(read('docs/trust.md'))
  expect(() => withHashOf('page', 'no place for it')).toThrow('has no place')
})
