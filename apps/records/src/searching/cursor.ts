// Where a page ended, for the caller and the query it was made for alone: sealed, so it tells nothing and fits nowhere else.
import {
  canonicalBytes,
  deriveIndexKey,
  NONCE_BYTES,
  open,
  seal,
  utf8,
  type JsonValue,
  type SubjectKey,
} from '@careseal/crypto'
import type { Caller } from '@careseal/contracts'
import { randomBytes } from 'node:crypto'

/** What a cursor is bound to: who asked what. `used` are the parameters as asked, without the cursor. */
export type CursorScope = { caller: Caller; target: string; used: readonly (readonly [string, string])[] }

export class Cursors {
  private readonly key: Uint8Array

  /** `deployment` is the deployment's own key, so that cursors outlive this process and fit its replicas. */
  constructor(deployment: SubjectKey) {
    this.key = deriveIndexKey(deployment.key, 'page-cursor')
  }

  encode(position: string, scope: CursorScope): string {
    const sealed = seal({
      key: this.key,
      nonce: randomBytes(NONCE_BYTES),
      plaintext: utf8(position),
      aad: aadOf(scope),
    })
    return Buffer.from(sealed).toString('base64url')
  }

  /** The position, or undefined when the cursor is not for this caller and query. */
  decode(cursor: string, scope: CursorScope): string | undefined {
    try {
      const sealed = new Uint8Array(Buffer.from(cursor, 'base64url'))
      const position = Buffer.from(open({ key: this.key, sealed, aad: aadOf(scope) })).toString('utf8')
      return /^\d{1,19}$/.test(position) ? position : undefined
    } catch {
      return undefined
    }
  }
}

function aadOf({ caller, target, used }: CursorScope): Uint8Array {
  return canonicalBytes(['careseal/v1/page-cursor', caller.accountId, caller.clientId, target, used] as JsonValue)
}
