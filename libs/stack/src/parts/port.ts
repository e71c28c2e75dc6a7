// Free TCP ports below the range from which the kernel takes source ports: there, a client that tries to reach a
// stopped server again can connect to itself and keep the port.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const LOWEST = 20_000
const HIGHEST = 32_000
const BLOCK = 50

/** True when nothing listens on this port of the loopback interface. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * A port that is free now and that no other process of Careseal on this machine is given while this one lives; never
 * given twice by this process. A stranger may still take it first: callers then try again with another.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = reserved.shift()
    if (port === undefined) reserved.push(...(await reserveBlock()))
    else if (await isPortFree(port)) return port
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1`)
}

// Of this process, not given out yet.
const reserved: number[] = []

// Whoever listens on the first port of a block has the others: the kernel gives it back when the process ends.
function reserveBlock(): Promise<number[]> {
  const first = LOWEST + BLOCK * randomInt((HIGHEST - LOWEST) / BLOCK)
  const others = Array.from({ length: BLOCK - 1 }, (_, index) => first + 1 + index)
  return new Promise((resolve) => {
    const guard = createServer().unref()
    guard.once('error', () => resolve([]))
    guard.listen({ port: first, host: '127.0.0.1', exclusive: true }, () => resolve(others))
  })
}
