import { z } from 'zod'

/** What somebody or something is called; kept in private parts alone. */
export const Name = z.string().trim().min(1).max(200)
