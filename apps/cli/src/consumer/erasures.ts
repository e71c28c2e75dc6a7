// Which recipients have acknowledged which erasures. Kept in the data folder until all have, for the operator must be
// able to see, and to say, who still holds a copy.
import { recipientOf } from '@careseal/contracts'
import { request, type NatsConnection } from '@careseal/messaging'
import { consumersOf, type DataDir } from '@careseal/stack'
import { failureCodeOf } from '../failure-code.js'
import { withLock } from '../folder-lock.js'

/** One recipient's part in an erasure; `failed` is the code of why it did not acknowledge. */
export type Acknowledgement = { recipient: string } & ({ forgotten: number } | { failed: string })

/** By subject, and then by recipient: when it acknowledged, or null. */
type Erasures = Record<string, Record<string, string | null>>

const FILE = 'erasures.json'
/** How long one recipient has to forget a subject. */
export const RECIPIENT_DEADLINE_MS = 20_000
const WAIT_MS = 10_000

/**
 * Writes down whom a subject's erasure concerns, and resolves to their names. Done before anybody is asked: if we crash
 * after it, the operator still sees that nobody has acknowledged.
 */
export async function noteRecipients(dataDir: DataDir, subjectId: string): Promise<string[]> {
  const names = consumersOf(dataDir).flatMap(({ name, recipient }) => (recipient ? [name] : []))
  for (const name of names) await note(dataDir, { subjectId, name, at: null })
  return names
}

/** Has each recipient forget a subject; `onDone` hears of each. What is not acknowledged stays written down. */
export async function tellRecipients(
  { nc, dataDir }: { nc: NatsConnection; dataDir: DataDir },
  { subjectId, names }: { subjectId: string; names: readonly string[] },
  onDone: (done: number) => void,
): Promise<Acknowledgement[]> {
  const answers: Acknowledgement[] = []
  for (const name of names) {
    const answer = await tell(nc, name, subjectId)
    if ('forgotten' in answer) await note(dataDir, { subjectId, name, at: new Date().toISOString() })
    answers.push(answer)
    onDone(answers.length)
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
    const answer = await request(nc, recipientOf(recipient), 'forget-subjects', asked, {
      deadlineMs: RECIPIENT_DEADLINE_MS,
    })
    return { recipient, forgotten: answer.forgotten }
  } catch (error) {
    return { recipient, failed: failureCodeOf(error) }
  }
}

type Note = { subjectId: string; name: string; at: string | null }

async function note(dataDir: DataDir, { subjectId, name, at }: Note): Promise<void> {
  const options = { what: `changing ${dataDir.path(FILE)}`, waitMs: WAIT_MS }
  await withLock(dataDir.path(`${FILE}.lock`), options, () => {
    const erasures = dataDir.readJson<Erasures>(FILE) ?? {}
    const known = erasures[subjectId]?.[name] ?? null
    erasures[subjectId] = { ...erasures[subjectId], [name]: at ?? known }
    dataDir.writeJson(FILE, erasures)
  })
}
