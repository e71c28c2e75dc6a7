// What a page of somebody else would bundle: the pure libraries, and the primitives of a browser.
export * as portable from '@careseal/crypto/portable'
export * as ledgerCore from '@careseal/ledger-core'
export * as merkle from '@careseal/merkle'
export { WEB_PRIMITIVES } from '@careseal/crypto/portable'
