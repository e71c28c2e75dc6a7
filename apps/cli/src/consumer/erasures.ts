// Which recipients have acknowledged which erasures. Kept in the data folder until all have, for the operator must be
// able to see, and to say, who still holds a copy.
import { recipientOf } from '@careseal/contracts'
import { request, type NatsConnection } from '@careseal/messaging'
import { consumersOf, type DataDir } from '@careseal/stack'
import { failureCodeOf } from '../failure-code.js'

/** One recipient's part in an erasure; `failed` is the code of why it did not acknowledge. */
export type Acknowledgement = { recipient: string } & ({ forgotten: number } | { failed: string })

/** By subject, and then by recipient: when it acknowledged, or null. */
type Erasures = Record<string, Record<string, string | null>>

const FILE = 'erasures.json'
const DEADLINE_MS = 20_000

/** Has every recipient forget a subject. What is not acknowledged stays written down, and a repeat asks again. */
export async function tellRecipients(
  { nc, dataDir }: { nc: NatsConnection; dataDir: DataDir },
  subjectId: string,
): Promise<Acknowledgement[]> {
  const recipients = consumersOf(dataDir).filter(({ recipient }) => recipient)
  // Written first: if we crash here, the operator still sees that nobody has acknowledged.
  for (const { name } of recipients) note(dataDir, { subjectId, name, at: null })
  const answers: Acknowledgement[] = []
  for (const { name } of recipients) {
    const answer = await tell(nc, name, subjectId)
    if ('forgotten' in answer) note(dataDir, { subjectId, name, at: new Date().toISOString() })
    answers.push(answer)
  }
  return answers
}

/** The subjects that a recipient has not acknowledged to have forgotten. */
export function unacknowledged(dataDir: DataDir, name: string): string[] {
  const erasures = dataDir.readJson<Erasures>(FILE) ?? {}
  return Object.entries(erasures)
    .filter(([, recipients]) => recipients[name] === null)
    .map(([subjectId]) => subjectId)
}

async function tell(nc: NatsConnection, recipient: string, subjectId: string): Promise<Acknowledgement> {
  const asked = { subjectIds: [subjectId] }
  try {
    const answer = await request(nc, recipientOf(recipient), 'forget-subjects', asked, { deadlineMs: DEADLINE_MS })
    return { recipient, forgotten: answer.forgotten }
  } catch (error) {
    return { recipient, failed: failureCodeOf(error) }
  }
}

function note(dataDir: DataDir, { subjectId, name, at }: { subjectId: string; name: string; at: string | null }): void {
  const erasures = dataDir.readJson<Erasures>(FILE) ?? {}
  const known = erasures[subjectId]?.[name] ?? null
  erasures[subjectId] = { ...erasures[subjectId], [name]: at ?? known }
  dataDir.writeJson(FILE, erasures)
}
