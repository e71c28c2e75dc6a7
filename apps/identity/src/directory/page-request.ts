import { z } from 'zod'

/** `?limit=&after=&names=`: names are decrypted only on request. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.string().max(64).optional(),
  names: z.stringbool({ truthy: ['true'], falsy: ['false'] }).default(false),
})
export type PageQuery = z.infer<typeof PageQuery>

/** As PageQuery, where the key is a UUID. */
export const UuidPageQuery = z.strictObject({ ...PageQuery.shape, after: z.uuid().optional() })
