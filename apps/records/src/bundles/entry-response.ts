import type { OperationOutcome } from '@careseal/service-kit'
import { STATUS_CODES } from 'node:http'
import type { WriteOutcome } from '../writing/resource-writes.service.js'

/** `201` → `201 Created`, as Bundle.entry.response.status wants it. */
export function statusText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trim()
}

/** The entry of a response bundle for a write. */
export function writeResponse(outcome: WriteOutcome, { representation }: { representation: boolean }): object {
  const { status, location, etag, recordedAt, resource } = outcome
  return {
    ...(representation && resource ? { resource } : {}),
    response: {
      status: statusText(status),
      ...(location ? { location } : {}),
      ...(etag ? { etag } : {}),
      ...(recordedAt ? { lastModified: recordedAt.toISOString() } : {}),
    },
  }
}

/** The entry of a batch's response for what was refused. */
export function refusedResponse(status: number, outcome: OperationOutcome): object {
  return { response: { status: statusText(status), outcome } }
}
