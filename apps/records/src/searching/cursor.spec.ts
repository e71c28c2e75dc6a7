import { describe, expect, it } from 'vitest'
import { callerOf, idOf } from '@careseal/testing'
import { Cursors, type CursorScope } from './cursor.js'

const deployment = (n: number) => ({
  subjectId: idOf(1),
  keyId: idOf(2),
  keyVersion: 1,
  key: new Uint8Array(32).fill(n),
})
const scope: CursorScope = { caller: callerOf('system'), target: 'Observation', used: [['patient', idOf(3)]] }
const cursors = new Cursors(deployment(1))

describe('a page cursor', () => {
  it('leads its caller on in its query', () => {
    expect(cursors.decode(cursors.encode('42', scope), scope)).toBe('42')
  })

  it.each([
    ['another caller', { ...scope, caller: callerOf('practitioner') }],
    ['another client of the same account', { ...scope, caller: { ...scope.caller, clientId: 'other' } }],
    ['another type', { ...scope, target: 'Condition' }],
    ['another query', { ...scope, used: [['patient', idOf(4)]] satisfies CursorScope['used'] }],
  ])('leads %s nowhere', (_case, other) => {
    expect(cursors.decode(cursors.encode('42', scope), other)).toBeUndefined()
  })

  it('cannot be made up, and tells nothing', () => {
    const cursor = cursors.encode('42', scope)
    expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('42')
    expect(cursors.encode('42', scope)).not.toBe(cursor)
    expect(cursors.decode(`${cursor.slice(0, -2)}AA`, scope)).toBeUndefined()
    expect(cursors.decode('', scope)).toBeUndefined()
    expect(new Cursors(deployment(2)).decode(cursor, scope)).toBeUndefined()
  })
})
