import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { freePort, isPortFree } from './port.js'

const PORTS_OF_ANOTHER = `
import { freePort } from '${import.meta.dirname}/port.ts'
const ports = []
for (let count = 0; count < 60; count++) ports.push(await freePort())
process.stdout.write(JSON.stringify(ports))
`

/** Sixty ports of a process of its own, which lives on for as long as the others choose. */
async function another(): Promise<number[]> {
  const script = `${PORTS_OF_ANOTHER}; await new Promise((done) => setTimeout(done, 3000))`
  const args = ['--input-type=module', '-e', script]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as number[]
}

it('is never given twice, in one process or in several at once', async () => {
  const mine = Promise.all(Array.from({ length: 60 }, () => freePort()))
  const ports = (await Promise.all([mine, another(), another(), another()])).flat()
  expect(new Set(ports).size).toBe(240)
})

it('is one on which nothing listens', async () => {
  const port = await freePort()
  expect(await isPortFree(port)).toBe(true)
  const server = createServer().listen(port, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  expect(await isPortFree(port)).toBe(false)
  server.close()
})
