// A NestJS consumer as a process of its own, for specs that kill it. Each event becomes one line before it is
// acknowledged. Node runs this file as it is, which leaves no decorators: they are called as what they are, functions.
import 'reflect-metadata'
import { JetStreamContext, listenToMessages, MessagingModule, OnEvent } from '@careseal/nest-jetstream'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [url, folder, way, blocksMs] = process.argv.slice(2) as [string, string, string, string]

function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

class Handlers {
  async onClosed(_event: object, context: JetStreamContext): Promise<void> {
    const { ledgerSeq, deliveryCount } = context
    appendFileSync(`${folder}/seen`, `${ledgerSeq}\n`)
    if (way === 'blocks' && ledgerSeq === 3 && deliveryCount === 1) block(Number(blocksMs))
    await sleep(20)
  }
}
const method = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onClosed') as PropertyDescriptor
OnEvent('AccountClosed')(Handlers.prototype, 'onClosed', method as TypedPropertyDescriptor<Handlers['onClosed']>)
Object.defineProperty(Handlers.prototype, 'onClosed', method)
Controller()(Handlers)

class AppModule {}
const server = { ackWaitMs: 1000, backoffMs: [20], ordered: way === 'in-order' }
Module({ imports: [MessagingModule.forRoot({ name: 'audit', url, server })], controllers: [Handlers] })(AppModule)

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })
await listenToMessages(app)
await app.listen(0, '127.0.0.1')
