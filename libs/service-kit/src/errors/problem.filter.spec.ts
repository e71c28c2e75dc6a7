import { NotFoundException } from '@nestjs/common'
import { describe, expect, it } from 'vitest'
import { HttpProblem } from './http-problem.js'
import { problemOf, renderProblem } from './problem.filter.js'

const coded = (code: string, changes: object = {}) => Object.assign(new Error('canary-internal'), { code, ...changes })

describe('the answer', () => {
  it.each([
    ['a problem', 409, 'taken', new HttpProblem(409, 'taken', 'It is taken.')],
    ["the framework's not found", 404, 'not-found', new NotFoundException('Cannot GET /canary')],
    ["Fastify's body limit", 413, 'body-too-large', coded('FST_ERR_CTP_BODY_TOO_LARGE', { statusCode: 413 })],
    [
      "Fastify's media type",
      415,
      'unsupported-media-type',
      coded('FST_ERR_CTP_INVALID_MEDIA_TYPE', { statusCode: 415 }),
    ],
    ['a version conflict', 409, 'version-conflict', coded('version-conflict')],
    ['a foreign idempotency key', 422, 'idempotency-mismatch', coded('idempotency-mismatch')],
    ['an erased subject', 410, 'subject-erased', coded('subject-erased')],
    ['an open breaker', 503, 'unavailable', coded('breaker-open')],
    ['a database that is gone', 503, 'unavailable', coded('ECONNREFUSED')],
    ['a database that shuts down', 503, 'unavailable', coded('57P01')],
    ['a database whose disk fails', 503, 'unavailable', coded('58030')],
    ['a deadlock', 503, 'unavailable', coded('40P01')],
    ['a database that lets nobody in', 503, 'unavailable', coded('28000')],
    [
      'a transaction whose connection broke',
      503,
      'unavailable',
      new Error('Query runner already released. Cannot run queries anymore.'),
    ],
    ['a connection that breaks beneath a query', 503, 'unavailable', new Error('Connection terminated unexpectedly')],
    ['a pool without a free connection', 503, 'unavailable', new Error('timeout exceeded when trying to connect')],
    ["another service's unhandled 404", 500, 'internal-error', coded('not-found', { status: 404, statusCode: 404 })],
    ['an unforeseen unique violation', 500, 'internal-error', coded('23505')],
    ['a bug', 500, 'internal-error', new TypeError('canary')],
    ['a thrown string', 500, 'internal-error', 'canary'],
  ])('of %s is %i %s', (_case, status, code, error) => {
    const problem = problemOf(error)
    expect([problem.status, problem.code]).toEqual([status, code])
    for (const url of ['/auth/x', '/fhir/Patient/1'])
      expect(renderProblem(url, 'r', problem).body).not.toContain('canary')
  })

  it('asks to come back when something is away', () => {
    expect(problemOf(coded('kms-unavailable')).headers).toEqual({ 'retry-after': '1' })
  })

  it('is problem+json with code and request id outside of /fhir', () => {
    const { contentType, body } = renderProblem('/fhirlike', 'r1', new HttpProblem(409, 'taken', 'It is taken.'))
    expect(contentType).toBe('application/problem+json; charset=utf-8')
    expect(JSON.parse(body)).toEqual({
      type: 'urn:careseal:problem:taken',
      title: 'Conflict',
      status: 409,
      detail: 'It is taken.',
      code: 'taken',
      requestId: 'r1',
    })
  })

  it.each([
    [400, 'x', 'invalid'],
    [401, 'token-missing', 'login'],
    [401, 'token-expired', 'expired'],
    [403, 'x', 'forbidden'],
    [404, 'x', 'not-found'],
    [410, 'x', 'deleted'],
    [412, 'x', 'conflict'],
    [429, 'x', 'throttled'],
    [500, 'x', 'exception'],
    [503, 'x', 'transient'],
  ])('is an OperationOutcome under /fhir: %i %s is %s', (status, code, issueCode) => {
    const { contentType, body } = renderProblem('/fhir/Patient?x=1', 'r1', new HttpProblem(status, code, 'Why.'))
    expect(contentType).toBe('application/fhir+json; charset=utf-8')
    expect(JSON.parse(body)).toMatchObject({
      resourceType: 'OperationOutcome',
      id: 'r1',
      issue: [{ code: issueCode, details: { coding: [{ code }] }, diagnostics: 'Why.' }],
    })
  })

  it('keeps the issues that a validator found', () => {
    const issues = [{ severity: 'error' as const, code: 'required', expression: ['Patient.name'] }]
    const { body } = renderProblem('/fhir', 'r', new HttpProblem(400, 'invalid-resource', 'x', { issues }))
    expect(JSON.parse(body).issue).toEqual(issues)
  })
})
