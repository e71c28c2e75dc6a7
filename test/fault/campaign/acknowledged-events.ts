// How many events stand behind what clients were told was done: at least one for each thing that an answer names.
import type { Entry, History } from '../load/history.js'

const CHANGES_OF_CONSENT = ['grant', 'replace-grant', 'revoke']

/** A lower bound: decisions of access are not counted, for no answer names them. */
export function acknowledgedEvents(history: History): number {
  return history.entries.reduce((sum, entry) => sum + eventsOf(entry), 0)
}

function eventsOf({ outcome, operation, answers, versions }: Entry): number {
  if (outcome !== 'ok') return 0
  if (answers) return answers[0]?.length ?? 0
  // One RecordRead for a read that disclosed something.
  if (versions) return versions.length > 0 ? 1 : 0
  return CHANGES_OF_CONSENT.includes(operation) ? 1 : 0
}
