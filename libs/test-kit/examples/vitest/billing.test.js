import { consume } from '@careseal/client'
import { createCaresealStack } from '@careseal/test-kit'
import { afterAll, beforeAll, expect, onTestFailed, test, vi } from 'vitest'

let stack
beforeAll(async () => {
  stack = await createCaresealStack({ patients: 1, consumers: { billing: ['RecordVersionAdded'] } })
}, 180_000)
afterAll(() => stack?.[Symbol.asyncDispose](), 60_000)

test('billing is told of the records of a patient', async () => {
  onTestFailed(() => console.error(stack.logs(), stack.keepLogs()))
  const told = []
  await using consumer = await consume({
    ...stack.consumer('billing'),
    from: 'beginning',
    onEvent: (event) => void told.push(event.type),
  })
  await vi.waitFor(() => expect(told).toContain('RecordVersionAdded'), { timeout: 20_000 })
  expect(consumer.status().contradictions).toEqual({})
}, 60_000)

test('a patient reads its own records', async () => {
  const [patient] = stack.patients
  const authorization = `Bearer ${await stack.token(patient.login)}`
  const response = await fetch(`${stack.origin}/fhir/Patient/${patient.id}`, { headers: { authorization } })
  expect(response.status).toBe(200)
}, 60_000)
