import { bootstrap } from '@careseal/service-kit'
import { auditApplication } from './application.js'
import { config } from './config.js'

bootstrap({ ...auditApplication, config })
