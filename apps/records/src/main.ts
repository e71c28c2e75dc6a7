import { bootstrap } from '@careseal/service-kit'
import { recordsApplication } from './application.js'
import { recordsConfig } from './config.js'

bootstrap({ ...recordsApplication, config: recordsConfig })
