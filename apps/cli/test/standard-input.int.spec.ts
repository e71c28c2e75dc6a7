// `-` is standard input, whatever that is: Node gives a child a pair of sockets, which no path opens anew.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const CLI = join(import.meta.dirname, '..', 'bin', 'careseal.mjs')

it.each([
  ['receipt', '- is no receipt: it is not JSON'],
  ['evidence', '- is no evidence of a fork'],
])('%s verify reads a socket as standard input', (command, line) => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, command, 'verify', '-'], { input: 'nothing' })
  expect(stderr.toString()).toContain(line)
  expect(status).toBe(2)
})
