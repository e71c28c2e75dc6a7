// For specs: a real broker and NestJS apps on it, both gone after each test.
import { Module, type INestApplication, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { connectNats, type NatsConnection } from '@careseal/messaging'
import { startNats, type RunningNats } from '@careseal/stack'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import type { JetStreamServerOptions } from './jetstream.server.js'
import { listenToMessages, MessagingModule } from './messaging.module.js'

export class SpecBroker {
  nc!: NatsConnection
  manager!: JetStreamManager
  private nats!: RunningNats
  private readonly apps = new Set<INestApplication>()

  async start(): Promise<void> {
    this.nats = await startNats()
    this.nc = await connectNats({ url: this.nats.url, name: 'spec' })
    this.manager = await jetstreamManager(this.nc)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.apps].map((app) => this.close(app)))
    await this.nc.close()
    await this.nats.stop()
  }

  /** An app named `audit` with these controllers, listening. */
  async startApp(controllers: Type[], server: Partial<JetStreamServerOptions> = {}): Promise<INestApplication> {
    const settings = { backoffMs: [20, 60], ...server }
    const imports = [MessagingModule.forRoot({ name: 'audit', url: this.nats.url, server: settings })]
    class AppModule {}
    Module({ imports, controllers })(AppModule)
    const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })
    await listenToMessages(app)
    await app.listen(0, '127.0.0.1')
    this.apps.add(app)
    return app
  }

  async close(app: INestApplication): Promise<void> {
    this.apps.delete(app)
    await app.close()
  }
}
