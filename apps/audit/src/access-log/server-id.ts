import { ServerId } from '@careseal/contracts'

const AnySpelling = ServerId.toLowerCase()

/** An id as somebody wrote it, in lower case, as subjects and events have it; or null where it is none. */
export function serverIdOf(text: string): string | null {
  return AnySpelling.safeParse(text).data ?? null
}
