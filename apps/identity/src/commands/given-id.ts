import { ServerId } from '@careseal/contracts'

/** An id that somebody wrote, in lower case: as text, which streams and subjects are, it has one spelling. */
export const GivenId = ServerId.toLowerCase()
