import { consume } from '@careseal/client'
import { createCaresealStack } from '@careseal/test-kit'
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

let stack
before(
  async () => {
    stack = await createCaresealStack({ patients: 1, consumers: { billing: ['RecordVersionAdded'] } })
  },
  { timeout: 180_000 },
)
after(() => stack?.[Symbol.asyncDispose]())

test('billing is told of the records of a patient', async () => {
  const told = Promise.withResolvers()
  await using consumer = await consume({
    ...stack.consumer('billing'),
    from: 'beginning',
    onEvent: (event) => told.resolve(event.type),
  })
  assert.equal(await told.promise, 'RecordVersionAdded')
  assert.deepEqual(consumer.status().contradictions, {})
})

test('a patient reads its own records', async () => {
  const [patient] = stack.patients
  const authorization = `Bearer ${await stack.token(patient.login)}`
  const response = await fetch(`${stack.origin}/fhir/Patient/${patient.id}`, { headers: { authorization } })
  assert.equal(response.status, 200)
})
