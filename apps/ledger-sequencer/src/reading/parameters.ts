// Numbers in URLs: decimal without sign or leading zero, below 2^53, as C2SP writes them.
import { z } from 'zod'

const decimal = z
  .string('must be a decimal number')
  .regex(/^(0|[1-9]\d{0,15})$/, 'must be a decimal number below 2^53')
  .transform(Number)
  .refine(Number.isSafeInteger, 'must be a decimal number below 2^53')

const upTo = (max: number) => decimal.refine((value) => value >= 1 && value <= max, `must be from 1 to ${max}`)
const limit = (fallback: number, max: number) => upTo(max).default(fallback)

export const BlocksQuery = z.strictObject({ from: decimal.default(0), limit: limit(100, 1000) })
export const EntriesQuery = z.strictObject({ from: decimal.default(0), limit: limit(256, 4096) })
export const HeightParams = z.strictObject({ height: decimal })
export const IndexParams = z.strictObject({ index: decimal })
export const GovernanceQuery = z.strictObject({ from: decimal.default(0), limit: limit(100, 1000) })
export const FeedQuery = z.strictObject({
  from: decimal.optional(),
  count: upTo(1000).optional(),
})
export const InclusionQuery = z.strictObject({ index: decimal, size: decimal.optional() })
export const ConsistencyQuery = z.strictObject({ old: decimal, new: decimal.optional() })
export const TlogProofQuery = z.strictObject({ index: decimal })
export const ProducerParams = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no producer name'),
})

export type BlocksQuery = z.infer<typeof BlocksQuery>
export type EntriesQuery = z.infer<typeof EntriesQuery>
export type HeightParams = z.infer<typeof HeightParams>
export type IndexParams = z.infer<typeof IndexParams>
export type GovernanceQuery = z.infer<typeof GovernanceQuery>
export type FeedQuery = z.infer<typeof FeedQuery>
export type InclusionQuery = z.infer<typeof InclusionQuery>
export type ConsistencyQuery = z.infer<typeof ConsistencyQuery>
export type TlogProofQuery = z.infer<typeof TlogProofQuery>
export type ProducerParams = z.infer<typeof ProducerParams>
