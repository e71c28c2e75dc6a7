import { migrateFromCommandLine } from '@careseal/service-kit'
import { migrations } from './migrations/index.js'

migrateFromCommandLine({ service: 'identity', migrations })
