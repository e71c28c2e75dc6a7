// Verification of receipts, the same in Node and in a browser: it imports nothing of either. Hashes and signatures come
// in as functions; `nodePrimitives` and `webPrimitives` make them.
export { parsePolicy, parseReceipt, verifyReceipt } from '@careseal/ledger-core'
export type { Policy, Primitives, Receipt, ReceiptVerdict, Trust, VerifyReceiptOptions } from '@careseal/ledger-core'
