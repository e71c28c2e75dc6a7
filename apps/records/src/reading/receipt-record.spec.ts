import { describe, expect, it } from 'vitest'
import { rootOfFields, sha256, verifyField } from '@careseal/crypto'
import type { ReceiptRecord } from '@careseal/ledger-core'
import { idOf, observationResource } from '@careseal/testing'
import type { Resource } from '@careseal/fhir'
import { fieldsOf } from '../versions/version-vault.js'
import { receiptRecord } from './receipt-record.js'

const place = { type: 'Observation', id: idOf(1), versionId: idOf(2) }
const key = { subjectId: idOf(3), keyId: idOf(4), keyVersion: 1, key: new Uint8Array(32).fill(7) }
const tree = fieldsOf(key, place, observationResource(idOf(3)) as Resource)
const shownOf = (record: ReceiptRecord | undefined) => (record && 'shown' in record ? record.shown : [])
const fieldsIn = (record: ReceiptRecord | undefined) => (record && 'fields' in record ? record.fields : [])

describe('the record in a receipt', () => {
  it('with all fields gives the committed root', async () => {
    const record = await receiptRecord(place, tree, undefined)
    expect(record).toMatchObject(place)
    expect(rootOfFields(sha256, fieldsIn(record))).toEqual(tree.root)
  })

  it('with one field proves that one, and tells no other', async () => {
    const record = await receiptRecord(place, tree, '/valueQuantity/value')
    const [field] = shownOf(record)
    expect(field).toMatchObject({ pointer: '/valueQuantity/value', value: 60 })
    expect(verifyField(tree.root, field!)).toBe(true)
    expect(verifyField(tree.root, { ...field!, value: 61 })).toBe(false)
    expect(JSON.stringify(record)).not.toContain('8867-4')
  })

  it('is none for a field that is not there', async () => {
    expect(await receiptRecord(place, tree, '/valueQuantity')).toBeUndefined()
    expect(await receiptRecord(place, tree, '/nothing')).toBeUndefined()
  })
})
