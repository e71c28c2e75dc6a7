import { describe, expect, it } from 'vitest'
import type { ReceiptRecord } from '@careseal/ledger-core'
import { explanationOf, shownOf, shownText } from './verdict-text.js'

const named = { type: 'Observation', id: 'o', versionId: 'v' }
const opening = { pointer: '/status', salt: '00', value: 'final' }
const whole: ReceiptRecord = { ...named, fields: [opening, { ...opening, pointer: '/valueInteger', value: 7 }] }
const one: ReceiptRecord = { ...named, shown: [{ ...opening, index: 0, size: 2, proof: [] }] }

describe('what a verified receipt proves', () => {
  it('is every field of the version, counted', () => {
    expect(shownText(whole)).toBe('all 2 fields of the version stand')
    expect(shownOf(whole)).toEqual({
      allFields: true,
      fields: [
        { pointer: '/status', value: 'final' },
        { pointer: '/valueInteger', value: 7 },
      ],
    })
  })

  it('is the disclosed field with its value, and nothing of the others', () => {
    expect(shownText(one)).toBe('/status = "final"\nthe other fields are not shown, and nothing is proven of them')
    expect(shownOf(one)).toEqual({ allFields: false, fields: [{ pointer: '/status', value: 'final' }] })
  })

  it('is explained where it fails', () => {
    expect(explanationOf('content-wrong')).toContain('field')
    expect(explanationOf('checkpoint-no-known-signature')).toContain('trust')
  })
})
