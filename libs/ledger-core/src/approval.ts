// Administration entries count only with the signatures of two operators of the genesis, each over the entry's own index:
// so an approval cannot be used a second time.
import { base64, fromBase64, hex } from '@careseal/crypto/portable'
import { approvalMessage, type Admin, type Genesis } from './entry.js'
import type { Primitives } from './trust.js'
import { ED25519, parseVkey } from './vkey.js'

export const APPROVALS_MIN = 2

/** Whether two different operators approved an admin entry at `index`. Malformed keys and signatures count as none. */
export async function isApproved(
  genesis: Genesis,
  index: number,
  admin: Admin,
  { sha256, verifyEd25519 }: Primitives,
): Promise<boolean> {
  const message = approvalMessage(genesis.origin, index, admin)
  const operators = genesis.operators.map((text) => attempt(() => parseVkey(sha256, text)))
  const approved = new Set<string>()
  for (const { operator, signature } of admin.approvals) {
    const vkey = operators.find((each) => each?.name === operator && each.type === ED25519)
    const bytes = attempt(() => fromBase64(signature))
    if (vkey && bytes && (await verifyEd25519(vkey.publicKey, message, bytes))) approved.add(hex(vkey.publicKey))
  }
  return approved.size >= APPROVALS_MIN
}

/** Someone of the genesis' operators, with the key to sign as: Ed25519, 64 bytes. */
export type Operator = { name: string; sign: (message: Uint8Array) => Uint8Array }

/** The entry with its operators' approvals; it may stand at `index` of this log and nowhere else. */
export function approve(
  { origin, index }: { origin: string; index: number },
  { type, data }: Omit<Admin, 'approvals'>,
  operators: readonly Operator[],
): Admin {
  const message = approvalMessage(origin, index, { type, data })
  const approvals = operators.map(({ name, sign }) => ({ operator: name, signature: base64(sign(message)) }))
  return { type, data, approvals }
}

function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
