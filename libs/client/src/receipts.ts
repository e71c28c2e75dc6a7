// Verification of receipts, offline and without trust in who handed them out: the same code in Node and in a browser.
import { WEB_PRIMITIVES } from '@careseal/crypto/portable'
import {
  parsePolicy,
  parseReceipt,
  verifyReceipt as verify,
  type Policy,
  type Receipt,
  type ReceiptVerdict,
} from '@careseal/ledger-core'

/** Whom you believe: a C2SP policy as text (logs, witnesses, quorum), or keys of logs, then no cosignature is asked for. */
export type TrustedBy = { policy: string } | { logVkeys: readonly string[] }

/**
 * Whether a receipt proves that its event is on a ledger that you trust. Resolves to the reason when it does not.
 *
 * Throws Malformed for a policy or key that is none: that is a mistake of the caller, and nothing about the receipt.
 */
export async function verifyReceipt(receipt: string | Receipt, trusted: TrustedBy): Promise<ReceiptVerdict> {
  const trust = trustOf(trusted)
  const parsed = typeof receipt === 'string' ? receiptIn(receipt) : receipt
  if (parsed === null) return { ok: false, reason: 'malformed' }
  return verify(parsed, { ...trust, ...WEB_PRIMITIVES })
}

/** The policy as the verification takes it. Throws Malformed. */
export function trustOf(trusted: TrustedBy): { policy: Policy } | { logVkeys: readonly string[] } {
  return 'policy' in trusted ? { policy: parsePolicy(WEB_PRIMITIVES.sha256, trusted.policy) } : trusted
}

function receiptIn(text: string): Receipt | null {
  try {
    return parseReceipt(text)
  } catch {
    return null
  }
}

export type { Receipt, ReceiptReason, ReceiptVerdict } from '@careseal/ledger-core'
