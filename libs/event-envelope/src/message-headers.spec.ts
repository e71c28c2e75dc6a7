import * as fc from 'fast-check'
import { headers, MsgHdrsImpl } from 'nats'
import { describe, expect, it } from 'vitest'
import { headersIn, readHeaders } from './message-headers.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const name = fc.stringMatching(/^[!-9;-~]{1,20}$/)
const value = fc
  .string({ unit: 'binary', maxLength: 40, size: 'max' })
  .filter((text) => text.isWellFormed() && !/[\r\n]/.test(text))
const lines = fc.array(fc.tuple(name, value, fc.constantFrom('', ' ', '  ')), { maxLength: 15, size: 'max' })
const status = fc.constantFrom('NATS/1.0', 'NATS/1.0 100', 'NATS/1.0 503 No Responders')

function blockOf(status: string, lines: [string, string, string][]): Uint8Array {
  return bytes(`${[status, ...lines.map(([name, value, space]) => `${name}:${space}${value}`)].join('\r\n')}\r\n\r\n`)
}

describe('a block of headers', () => {
  it('is read as the client library reads it', () => {
    fc.assert(
      fc.property(status, lines, (status, lines) => {
        const block = blockOf(status, lines)
        expect(new Map(Object.entries(readHeaders(block)))).toEqual(new Map(MsgHdrsImpl.decode(block)))
      }),
    )
  })

  it('never makes its reader throw, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: 'binary' }).map(bytes),
          lines.map((all) => blockOf('', all).subarray(2, -3)),
        ),
        (block) => {
          for (const values of Object.values(readHeaders(block))) expect(values.length).toBeGreaterThan(0)
        },
      ),
    )
  })

  it.each([
    ['', {}],
    ['NATS/1.0', {}],
    ['NATS/1.0\r\n\r\n', {}],
    [
      'NATS/1.0\r\nno colon\r\n: no name\r\nno name: x\r\na: 1\r\nA: 2\r\na:3\r\n\r\n',
      { 'no name': ['x'], a: ['1', '3'], A: ['2'] },
    ],
    ['NATS/1.0\r\ncut: of', { cut: ['of'] }],
  ])('holds what it holds: %j', (text, expected) => {
    expect({ ...readHeaders(bytes(text)) }).toEqual(expected)
  })

  it('keeps what is named like a prototype to itself', () => {
    const read = readHeaders(bytes('NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n'))
    expect(Object.entries(read)).toEqual([
      ['__proto__', ['x']],
      ['constructor', ['y']],
    ])
  })
})

describe('the headers of a message', () => {
  it('that keeps no bytes are those that it tells', () => {
    const received = headers()
    received.append('a', '1')
    received.append('a', '2')
    expect(headersIn({ headers: received })).toEqual({ a: ['1', '2'] })
    expect(headersIn({})).toEqual({})
  })

  it('are none where that throws', () => {
    const message = {
      get headers(): never {
        throw new Error('no header name')
      },
    }
    expect(headersIn(message)).toEqual({})
  })
})
