import { startNats, type RunningNats } from '@careseal/stack'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectPatiently } from './connect-patiently.js'
import { Unreachable } from './errors.js'

let nats: RunningNats
let proxy: Server
const sockets: Socket[] = []
let silentOnes: number

beforeEach(async () => {
  nats = await startNats()
  proxy = createServer((client) => {
    sockets.push(client)
    // A broker that takes up another list of users never answers who comes at that moment.
    if (silentOnes-- > 0) return
    const broker = connect(nats.port, '127.0.0.1')
    sockets.push(broker)
    client.pipe(broker).pipe(client)
    client.on('error', () => broker.destroy())
    broker.on('error', () => client.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  proxy.close()
  await nats.stop()
})

const options = () => ({ url: `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`, name: 'spec' })

describe('a patient connection', () => {
  it('is made although the broker never answers the first attempt', async () => {
    silentOnes = 1
    const nc = await connectPatiently(options(), { deadlineMs: 5_000 })
    expect(nc.isClosed()).toBe(false)
    await nc.close()
  })

  it('is given up at its deadline', async () => {
    silentOnes = Number.MAX_SAFE_INTEGER
    await expect(connectPatiently(options(), { deadlineMs: 500 })).rejects.toThrow(Unreachable)
  })
})
