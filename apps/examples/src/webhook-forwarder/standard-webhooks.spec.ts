import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { webhookHeaders } from './standard-webhooks.js'

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`
const payload = '{"type":"ConsentGranted","data":{}}'
const message = () => ({ id: 'evt-1', timestamp: Math.floor(Date.now() / 1000), payload })

describe('a signed message', () => {
  it('is believed by whoever holds the secret, and by nobody else', () => {
    const headers = webhookHeaders([secretOf(1)], message())
    expect(new Webhook(secretOf(1)).verify(payload, headers)).toEqual(JSON.parse(payload))
    expect(() => new Webhook(secretOf(2)).verify(payload, headers)).toThrow('No matching signature')
    expect(() => new Webhook(secretOf(1)).verify(`${payload} `, headers)).toThrow('No matching signature')
  })

  it('is believed under the old and the new secret while they are exchanged', () => {
    const headers = webhookHeaders([secretOf(2), secretOf(1)], message())
    for (const byte of [1, 2]) expect(() => new Webhook(secretOf(byte)).verify(payload, headers)).not.toThrow()
  })

  it('is not believed long afterwards', () => {
    const headers = webhookHeaders([secretOf(1)], { ...message(), timestamp: message().timestamp - 3600 })
    expect(() => new Webhook(secretOf(1)).verify(payload, headers)).toThrow('too old')
  })

  it.each(['', 'whsec_', 'whsec_c2hvcnQ=', secretOf(1).slice(6), `whsec_${'A'.repeat(96)}`])(
    'is not made with %j for a secret',
    (secret) => {
      expect(() => webhookHeaders([secret], message())).toThrow(RangeError)
    },
  )
})
