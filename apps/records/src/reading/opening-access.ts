import type { Caller } from '@careseal/contracts'
import type { OpenedEvent } from '@careseal/event-store'

/** Who may open a leaf of this service, over `audit`: the patient whom the event is about, and auditors. */
export async function mayOpen(caller: Caller, { subjectId }: Pick<OpenedEvent, 'subjectId'>): Promise<boolean> {
  if (caller.role === 'auditor') return true
  return caller.role === 'patient' && caller.patientId === subjectId
}
