import * as fc from 'fast-check'
import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { acceptForms, FORM_BYTES_MAX, FORM_FIELDS_MAX, parseForm } from './form-body.js'

const headers = { 'content-type': 'application/x-www-form-urlencoded' }

async function post(payload: string) {
  const server = fastify({ bodyLimit: 32 * 1024 * 1024 })
  acceptForms(server as never)
  server.post('/', async (request) => request.body)
  const { statusCode, json } = await server.inject({ method: 'POST', url: '/', headers, payload })
  return { status: statusCode, body: json() as unknown }
}

const postOfLength = (bytes: number) => post(`a=${'x'.repeat(bytes - 2)}`)

describe('a form', () => {
  it('holds each name once, with a list where it was repeated', () => {
    const field = fc.tuple(fc.constantFrom('a', 'b', '__proto__'), fc.string({ maxLength: 3 }))
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), (fields) => {
        const form = parseForm(new URLSearchParams(fields).toString())
        for (const name of ['a', 'b', '__proto__']) {
          const values = fields.filter(([one]) => one === name).map(([, value]) => value)
          expect(form[name]).toEqual(values.length > 1 ? values : values[0])
        }
      }),
    )
  })

  it('is small, whatever other bodies may be', async () => {
    expect((await postOfLength(FORM_BYTES_MAX)).status).toBe(200)
    expect(await postOfLength(FORM_BYTES_MAX + 1)).toMatchObject({ status: 413 })
  })

  it('has a bounded number of fields', async () => {
    const body = Array.from({ length: FORM_FIELDS_MAX }, () => 'a=1').join('&')
    expect(await post(body)).toMatchObject({ status: 200, body: { a: { length: FORM_FIELDS_MAX } } })
    expect(() => parseForm('a&'.repeat(FORM_FIELDS_MAX + 1))).toThrow(
      expect.objectContaining({ status: 400, code: 'too-many-fields' }),
    )
  })
})
