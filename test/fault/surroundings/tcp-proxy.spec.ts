import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TcpProxy } from './tcp-proxy.js'

let echo: Server
let proxy: TcpProxy
let received: number

beforeEach(async () => {
  received = 0
  echo = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => (received += chunk.length) && socket.write(chunk))
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  proxy = await TcpProxy.listen('127.0.0.1')
  proxy.upstream = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port }
})
afterEach(async () => {
  await proxy.close()
  echo.close()
})

type Caller = { socket: Socket; text: () => string; fate: () => string }

async function call(): Promise<Caller> {
  const socket = connect({ ...proxy.address })
  let text = ''
  let fate = 'open'
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.on('error', (error) => (fate = (error as NodeJS.ErrnoException).code ?? ''))
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return { socket, text: () => text, fate: () => fate }
}

describe('a wire', () => {
  it('passes everything on, in order', async () => {
    const { socket, text } = await call()
    const sent = 'x'.repeat(300_000)
    socket.write(sent)
    await expect.poll(() => text().length, { timeout: 10_000 }).toBe(sent.length)
    socket.destroy()
  })

  it('is late by as much as it was told', async () => {
    const { socket, text } = await call()
    proxy.setWire({ delayMs: 150 })
    const since = performance.now()
    socket.write('late')
    await expect.poll(text, { timeout: 10_000, interval: 10 }).toBe('late')
    expect(performance.now() - since).toBeGreaterThan(290)
    socket.destroy()
  })

  it('is a hole that takes everything and goes on where it hung; who came meanwhile is reset', async () => {
    const before = await call()
    proxy.setWire('black-hole')
    const meanwhile = await call()
    for (const { socket } of [before, meanwhile]) socket.write('hello')
    await delay(200)
    expect([before.text(), meanwhile.text(), before.fate(), meanwhile.fate()]).toEqual(['', '', 'open', 'open'])
    proxy.setWire('good')
    await expect.poll(before.text, { timeout: 10_000 }).toBe('hello')
    await expect.poll(meanwhile.fate, { timeout: 10_000 }).toBe('ECONNRESET')
    before.socket.destroy()
  })

  it('resets both ends', async () => {
    const { socket, fate } = await call()
    socket.write('x')
    await expect.poll(() => received, { timeout: 10_000 }).toBe(1)
    proxy.reset()
    await expect.poll(fate, { timeout: 10_000 }).toBe('ECONNRESET')
    await expect.poll(() => proxy.connections, { timeout: 10_000 }).toBe(0)
  })

  it('tears a message in the middle', async () => {
    const { socket, fate, text } = await call()
    proxy.cutMessages(1)
    socket.write('0123456789')
    await expect.poll(fate, { timeout: 10_000 }).toBe('ECONNRESET')
    expect(text()).toBe('')
    expect(received).toBeLessThanOrEqual(5)
  })
})
