import 'reflect-metadata'
import { ledgerHeads } from '@careseal/client'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { DataSource } from 'typeorm'
import { required } from '../environment.js'
import { ReadModelModule } from './read-model.module.js'
import { emptyReadModel, TYPES } from './standing-consents.projection.js'

const options = {
  nats: { url: required('NATS_URL'), seedFile: required('NATS_SEED_FILE') },
  name: required('CONSUMER'),
  databaseUrl: required('DATABASE_URL'),
  heads: () => ledgerHeads({ origin: required('LEDGER_URL') }, TYPES),
}

const app = await NestFactory.create(ReadModelModule.forRoot(options), new FastifyAdapter())
app.enableShutdownHooks()
if (process.argv.includes('--rebuild')) await emptyReadModel(app.get(DataSource))
await app.listen(Number(process.env['PORT'] ?? 7200), '127.0.0.1')
process.stdout.write(`standing consents: ${await app.getUrl()}/patients/<id>/consents\n`)
