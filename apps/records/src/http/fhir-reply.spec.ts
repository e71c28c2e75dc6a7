import { describe, expect, it } from 'vitest'
import type { FastifyRequest } from 'fastify'
import { ifMatchOf, isUnchanged, preferencesOf } from './fhir-reply.js'

const request = (headers: Record<string, string>) => ({ headers }) as unknown as FastifyRequest

describe('request headers', () => {
  it.each([
    ['W/"v1"', true],
    ['"v1"', true],
    ['W/"v0", W/"v1"', true],
    ['*', true],
    ['W/"v2"', false],
    ['v1', false],
  ])('If-None-Match: %s', (tag, unchanged) => {
    expect(isUnchanged(request({ 'if-none-match': tag }), 'v1')).toBe(unchanged)
    expect(isUnchanged(request({}), 'v1')).toBe(false)
  })

  it('If-Match names one version, in either form', () => {
    expect(ifMatchOf(request({ 'if-match': 'W/"v1"' }))).toBe('W/"v1"')
    expect(ifMatchOf(request({ 'if-match': '"v1"' }))).toBe('W/"v1"')
    expect(ifMatchOf(request({ 'if-match': '*' }))).toBeUndefined()
    expect(ifMatchOf(request({}))).toBeUndefined()
  })

  it('Prefer is read part by part', () => {
    const prefer = 'return=minimal, handling=lenient; respond-async'
    expect(preferencesOf(request({ prefer }))).toEqual({ return: 'minimal', lenient: true })
    expect(preferencesOf(request({}))).toEqual({ return: undefined, lenient: false })
  })
})
