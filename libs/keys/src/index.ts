export { allBuried, keysEverOf, lockForErasure, type BuriedKey } from './burial.js'
export { keySchemaSql } from './key-schema.js'
export { fileKms, KmsUnavailable, UnwrapFailed, type Kms } from './kms.js'
export { SubjectErased, SubjectKeys, type AcquireOptions, type SubjectKeysOptions } from './subject-keys.js'
