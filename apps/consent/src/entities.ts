import { ActiveConsent } from './active-consents/active-consent.entity.js'
import { ConsentHead } from './active-consents/consent-head.entity.js'
import { ConsentVersion } from './consent/consent-version.entity.js'

export const ENTITIES = [ActiveConsent, ConsentHead, ConsentVersion]
