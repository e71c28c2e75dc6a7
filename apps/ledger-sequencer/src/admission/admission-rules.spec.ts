import { describe, expect, it } from 'vitest'
import { admissionOf } from './admission-rules.js'

const names = ['audit', 'consent', 'consent-2', 'records']
const firstLinkOf = (name: string) => `link of ${name}`
const refusalOf = (data: object, type = 'producer-admitted') =>
  admissionOf({ type, data: data as never }, { names, firstLinkOf })
const admission = (name: string, follows: string | null) => ({ name, follows, firstLink: firstLinkOf(name) })

describe('an admission', () => {
  it('is of the incarnation that follows the newest one', () => {
    expect(refusalOf(admission('consent-3', 'consent-2'))).toEqual(admission('consent-3', 'consent-2'))
    expect(refusalOf(admission('records-2', 'records'))).toEqual(admission('records-2', 'records'))
  })

  it('is of a new service, which follows nobody', () => {
    expect(refusalOf(admission('imaging', null))).toEqual(admission('imaging', null))
  })

  it.each([
    [admission('consent-3', 'consent')],
    [admission('consent-4', 'consent-2')],
    [admission('records-3', 'consent-2')],
    [admission('records-2', 'nobody')],
    [admission('imaging-2', null)],
  ])('is refused where it does not follow the newest incarnation: %j', (data) => {
    expect(refusalOf(data)).toEqual({ refused: 'not-the-next-incarnation' })
  })

  it('is refused when it was made before, so that an entry of the ledger cannot be sent again', () => {
    expect(refusalOf(admission('consent-2', 'consent'))).toEqual({ refused: 'already-admitted' })
  })

  it('is refused with another first link, other fields, or another type', () => {
    expect(refusalOf({ ...admission('records-2', 'records'), firstLink: 'x' })).toEqual({ refused: 'not-an-admission' })
    expect(refusalOf({ ...admission('records-2', 'records'), more: 1 })).toEqual({ refused: 'not-an-admission' })
    expect(refusalOf({}, 'signer-retreat')).toEqual({ refused: 'type-not-accepted' })
  })
})
