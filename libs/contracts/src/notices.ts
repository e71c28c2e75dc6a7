// What the ledger announces. Notices are no leaves and carry no leaves; losing one delays a reader, nothing more.
import { z } from 'zod'

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)

export const NOTICES = {
  'ledger.block-sealed': z.strictObject({ height: z.int(), treeSize: z.int(), headerHash: hex32 }),
  'ledger.checkpoint-published': z.strictObject({ size: z.int(), root: hex32 }),
} as const

export type NoticeSubject = keyof typeof NOTICES
export type Notice<S extends NoticeSubject> = z.infer<(typeof NOTICES)[S]>
