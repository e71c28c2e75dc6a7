import { bootstrap } from '@careseal/service-kit'
import { application } from './application.js'
import { identityConfig } from './config.js'

bootstrap({ ...application, config: identityConfig })
