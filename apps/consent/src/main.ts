import { bootstrap } from '@careseal/service-kit'
import { consentApplication } from './application.js'
import { config } from './config.js'

bootstrap({ ...consentApplication, config })
