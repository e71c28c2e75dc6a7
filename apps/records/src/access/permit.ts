// A permit of the consent service: for one patient, used once, at most as old as consent says. Its age is measured on
// this process's monotonic clock from before the question was sent, so it can only be overestimated.
import { HttpProblem } from '@careseal/service-kit'

export type Permit = { patientId: string; permitId: string; expiresAtMs: number }

/** Patients who permit, and with what. Who is absent was denied. */
export type Permits = ReadonlyMap<string, Permit>

/** Throws 503 when a permit has grown too old while the answer was made; nothing has been released then. */
export function assertFresh(permits: Iterable<Permit>, nowMs: number = performance.now()): void {
  for (const permit of permits) {
    if (permit.expiresAtMs > nowMs) continue
    throw new HttpProblem(503, 'permit-expired', 'The access decision grew too old; ask again.', {
      headers: { 'retry-after': '1' },
    })
  }
}

/** Whether all of these patients permit. A resource without patients needs no permit. */
export function allPermit(permits: Permits, patientIds: readonly string[]): boolean {
  return patientIds.every((patientId) => permits.has(patientId))
}
