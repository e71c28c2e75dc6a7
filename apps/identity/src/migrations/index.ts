import { CreateIdentity1795305600000 } from './1795305600000-create-identity.js'

export const migrations = [CreateIdentity1795305600000]
