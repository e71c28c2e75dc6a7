// Metrics are made once per process and projections come and go, so the metrics look at whichever are reading now.
import type { ReaderStatus } from '@careseal/messaging'
import { gauge } from '@careseal/observability'

type Shown = { readonly name: string; status(): ReaderStatus | undefined }

const shown = new Set<Shown>()

/** Shows a projection's lag and frozen producers until the returned function is called. */
export function showProjection(projection: Shown): () => void {
  shown.add(projection)
  const labels = ['projection', 'producer']
  gauge({ name: 'careseal_projection_lag_events', help: 'events that a projection is behind', labels }, (metric) =>
    eachProducer((place, { seq, headSeq }) => metric.set(place, Math.max(0, (headSeq ?? seq) - seq))),
  )
  const help = '1 while a producer’s chain does not continue and is read no further'
  gauge({ name: 'careseal_projection_frozen', help, labels }, (metric) =>
    eachProducer((place, { frozen }) => metric.set(place, frozen === null ? 0 : 1)),
  )
  return () => shown.delete(projection)
}

type Place = { projection: string; producer: string }

function eachProducer(visit: (place: Place, status: ReaderStatus['producers'][string]) => void): void {
  for (const projection of shown) {
    for (const [producer, status] of Object.entries(projection.status()?.producers ?? {})) {
      visit({ projection: projection.name, producer }, status)
    }
  }
}
