import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeRecordsApi } from './describe-api.js'

it('the description in docs/generated is that of the code; node tools/docs.mjs makes it anew', async () => {
  const file = new URL('../../../docs/generated/records-openapi.json', import.meta.url)
  const document = await describeRecordsApi()
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(document, null, 2)}\n`)
  expect(Object.keys(document.paths).length).toBeGreaterThan(0)
})
