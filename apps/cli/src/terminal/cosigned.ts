// What a person is told of the witnesses: how far the ledger is co-signed, by whom, and how long ago.

/** What `GET /ledger/status` says of the published checkpoint. */
export type Publication = {
  treeSize: number
  publishedSize: number
  publishedAt?: string
  cosignedBy?: string[]
  waitingFor?: string[]
}

/** The publication as the ledger tells it now, or null when it does not answer. */
export async function publicationOf(origin: string, deadlineMs = 3_000): Promise<Publication | null> {
  try {
    const response = await fetch(`${origin}/ledger/status`, { signal: AbortSignal.timeout(deadlineMs) })
    return response.ok ? ((await response.json()) as Publication) : null
  } catch {
    return null
  }
}

/** `1,234 entries, co-signed by 3 witnesses 2 s ago`. */
export function cosignedText({ publishedSize, publishedAt, cosignedBy = [] }: Publication, now: number): string {
  const entries = `${publishedSize.toLocaleString('en')} entries`
  if (publishedAt === undefined) return `${entries}, nothing published yet`
  const by = cosignedBy.length === 0 ? 'signed' : `co-signed by ${counted(cosignedBy.length, 'witness', 'witnesses')}`
  return `${entries}, ${by} ${ageText((now - Date.parse(publishedAt)) / 1000)} ago`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function ageText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 120) return `${whole} s`
  return whole < 7_200 ? `${Math.floor(whole / 60)} min` : `${Math.floor(whole / 3_600)} h`
}
