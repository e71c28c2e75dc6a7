const ROOT = 'evt.'

/** True when a NATS subject filter, with `*` and `>`, covers the subject. */
export function subjectMatches(filter: string, subject: string): boolean {
  const filterTokens = filter.split('.')
  const tokens = subject.split('.')
  for (const [index, token] of filterTokens.entries()) {
    if (token === '>') return tokens.length > index
    if (token !== '*' && token !== tokens[index]) return false
    if (index >= tokens.length) return false
  }
  return filterTokens.length === tokens.length
}

/** The producer that a subject names, or null. It is the subject's second token, which permissions guard. */
export function producerIn(subject: string): string | null {
  if (!subject.startsWith(ROOT)) return null
  const end = subject.indexOf('.', ROOT.length)
  return end === -1 ? null : subject.slice(ROOT.length, end)
}
