// What runs in a browser as well: no node:crypto, no Buffer. `@careseal/crypto/portable`.
export * from './bytes.js'
export * from './canonical-json.js'
export * from './commitment-messages.js'
export * from './field-tree.js'
export * from './portable-hash.js'
export * from './portable-primitives.js'
