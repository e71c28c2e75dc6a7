import { consume } from '@careseal/client'
import { createCaresealStack } from '@careseal/test-kit'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

let stack
beforeAll(async () => {
  stack = await createCaresealStack({ patients: 1, consumers: { billing: ['RecordVersionAdded'] } })
}, 180_000)
afterAll(() => stack?.[Symbol.asyncDispose](), 60_000)

test('billing is told of the records of a patient', async () => {
  const told = Promise.withResolvers()
  const consumer = await consume({
    ...stack.consumer('billing'),
    from: 'beginning',
    onEvent: (event) => told.resolve(event.type),
  })
  expect(await told.promise).toBe('RecordVersionAdded')
  await consumer.stop()
}, 60_000)

test('a patient reads its own records', async () => {
  const [patient] = stack.patients
  const authorization = `Bearer ${await stack.token(patient.login)}`
  const response = await fetch(`${stack.origin}/fhir/Patient/${patient.id}`, { headers: { authorization } })
  expect(response.status).toBe(200)
}, 60_000)
