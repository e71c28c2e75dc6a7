import { migrateFromCommandLine } from '@careseal/service-kit'
import { CreateRecords1764000000000 } from './migrations/1764000000000-create-records.js'

migrateFromCommandLine({ service: 'records', migrations: [CreateRecords1764000000000] })
