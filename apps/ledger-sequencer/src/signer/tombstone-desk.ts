// Where services tell the signer whose keys they destroy, and ask for what they told it. Which service speaks is taken
// from the subject, which NATS permissions guard, never from the request.
import { incarnationOf, signerOf } from '@careseal/contracts'
import { respond, type NatsConnection } from '@careseal/messaging'
import type { Tombstones } from './log-signer.js'

export type TombstoneDesk = { stop(): Promise<void> }

/** Answers for the services of these producers until it is stopped. A failure is told by its code: no subject is. */
export function answerForTombstones(
  nc: NatsConnection,
  { tombstones, producers }: { tombstones: Tombstones; producers: readonly string[] },
  onFailure: (code: string) => void,
): TombstoneDesk {
  const tell = (_command: string, error: unknown) => onFailure(codeOf(error))
  const responders = [...new Set(producers.map((producer) => incarnationOf(producer).service))].flatMap((service) => [
    respond(nc, signerOf(service), 'list-tombstones', ({ after, limit }) => tombstones.list(service, after, limit), {
      onFailure: tell,
    }),
    respond(nc, signerOf(service), 'add-tombstones', (asked) => keep(tombstones, service, asked.tombstones), {
      onFailure: tell,
    }),
  ])
  return { stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))) }
}

async function keep(
  store: Tombstones,
  ...[service, tombstones]: Parameters<Tombstones['add']>
): Promise<Record<string, never>> {
  await store.add(service, tombstones)
  return {}
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? 'unknown'
}
