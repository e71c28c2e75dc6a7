import { CreateLedger1795420800000 } from './1795420800000-create-ledger.js'

export const migrations = [CreateLedger1795420800000]
