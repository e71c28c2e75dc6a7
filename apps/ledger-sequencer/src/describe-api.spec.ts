import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeLedgerApi } from './describe-api.js'

it('the description in docs/generated is that of the code; node tools/docs.mjs makes it anew', async () => {
  const file = new URL('../../../docs/generated/ledger-openapi.json', import.meta.url)
  const document = await describeLedgerApi()
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(document, null, 2)}\n`)
})

it('says of every route what it is for and what it answers', async () => {
  const { paths } = await describeLedgerApi()
  for (const [path, operations] of Object.entries(paths)) {
    for (const { summary, responses } of Object.values(operations) as { summary?: string; responses: object }[]) {
      expect([path, typeof summary, Object.keys(responses).length > 1]).toEqual([path, 'string', true])
    }
  }
})
