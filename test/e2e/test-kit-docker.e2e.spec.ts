// The test kit in mode docker: where a container engine answers and has the images, and what it says where it does not.
import { consume } from '@careseal/client'
import { findContainerImages } from '@careseal/stack'
import { createCaresealStack } from '@careseal/test-kit'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { UP_DEADLINE_MS } from '../support/careseal.js'

const missing = await findContainerImages({ pull: false }).then(
  () => null,
  (error: Error) => error.message,
)
const log = () => undefined

function runningContainers(): string[] {
  return execFileSync('docker', ['ps', '--quiet']).toString().split('\n').filter(Boolean)
}

describe.skipIf(missing !== null)(`a stack in containers${missing === null ? '' : ` (${missing})`}`, () => {
  it('is what auto takes; it is read, consumed from, and gone', { timeout: UP_DEADLINE_MS }, async () => {
    const before = new Set(runningContainers())
    const own = () => runningContainers().filter((id) => !before.has(id))
    const stack = await createCaresealStack({ patients: 1, consumers: { billing: ['PatientAccountOpened'] }, log })
    try {
      expect([stack.mode, stack.reason]).toEqual(['docker', expect.stringContaining('a container engine answers')])
      expect(own().length).toBeGreaterThanOrEqual(2)
      const authorization = `Bearer ${await stack.token('patient-1')}`
      const url = `${stack.origin}/fhir/Patient/${stack.patients[0]?.id}`
      expect((await fetch(url, { headers: { authorization } })).status).toBe(200)
      await stack.addConsumer('late', ['PatientAccountOpened'])
      for (const name of ['billing', 'late']) {
        const told = Promise.withResolvers<string>()
        const onEvent = ({ type }: { type: string }) => told.resolve(type)
        const consumer = await consume({ ...stack.consumer(name), from: 'beginning', onEvent })
        expect(await told.promise).toBe('PatientAccountOpened')
        await consumer.stop()
      }
      await stack.postgres.kill()
    } finally {
      await stack[Symbol.asyncDispose]()
    }
    await vi.waitFor(() => expect(own()).toEqual([]), { timeout: 20_000 })
    expect(existsSync(stack.dataDir)).toBe(false)
  })
})

describe('mode docker', () => {
  it.skipIf(missing === null)('without an engine or its images names what is missing and the mend', async () => {
    await expect(createCaresealStack({ mode: 'docker', log })).rejects.toMatchObject({
      code: 'docker-unavailable',
      message: expect.stringMatching(/^mode docker: .*(engine|image).*: .*, or take mode: 'native'$/),
    })
  })

  it.skipIf(missing !== null)('with an image that cannot be had names it, and the mend', async () => {
    // Another process, for this one has found its images already.
    const script = `
      const { createCaresealStack } = await import('@careseal/test-kit')
      await createCaresealStack({ mode: 'docker' }).catch(({ code, message }) => console.log(code, message))`
    const env = { ...process.env, CARESEAL_NATS_IMAGE: 'localhost:1/none:1' }
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env }).toString()
    expect(said).toContain('docker-unavailable mode docker: the image localhost:1/none:1 cannot be pulled')
    expect(said).toContain('docker pull localhost:1/none:1, or name another image in CARESEAL_NATS_IMAGE')
  })
})
