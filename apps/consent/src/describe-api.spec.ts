import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeConsentApi } from './describe-api.js'

it('the description in docs/generated is that of the code; node tools/docs.mjs makes it anew', async () => {
  const file = new URL('../../../docs/generated/consent-openapi.json', import.meta.url)
  const document = await describeConsentApi()
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(document, null, 2)}\n`)
  expect(Object.keys(document.paths).length).toBeGreaterThan(0)
})
