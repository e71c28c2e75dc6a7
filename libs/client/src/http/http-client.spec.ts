import { expectTypeOf, it } from 'vitest'
import type { Answer, Route } from './http-client.js'

type Body<R extends Route> = Answer<R>['body']

it('the body of an answer has the type that its route describes', () => {
  expectTypeOf<Body<'GET /fhir/Consent/{id}'>['resourceType']>().toEqualTypeOf<'Consent'>()
  expectTypeOf<NonNullable<Body<'GET /fhir/{type}'>['entry']>[number]['resource']>().toExtend<object | undefined>()
  expectTypeOf<Body<'GET /audit/patients/{patientId}/accesses'>['accesses'][number]['outcome']>().toEqualTypeOf<
    'success' | 'denied'
  >()
  expectTypeOf<Body<'GET /auth/patients'>['items'][number]['patientId']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<Body<'GET /ledger/producers'>['producers'][number]['lastSeq']>().toEqualTypeOf<number>()
  expectTypeOf<Body<'GET /ledger/checkpoint'>>().toEqualTypeOf<string>()
})

it('every route has one but those that answer with nothing, with bytes, or without an end', () => {
  type Untyped = { [R in Route]: unknown extends Body<R> ? R : never }[Route]
  expectTypeOf<Untyped>().toEqualTypeOf<
    | 'DELETE /auth/accounts/{id}'
    | 'DELETE /fhir/Consent/{id}'
    | 'DELETE /fhir/{type}/{id}'
    | 'GET /ledger/feed'
    | 'GET /ledger/tile/{path}'
  >()
})
