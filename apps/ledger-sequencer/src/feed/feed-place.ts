// How far somebody has heard the feed, as the id of an event says it: `<height>/<size>`, the last block told and the size
// under the last checkpoint told. It is all that a client has to remember to go on where it was cut off.

/** `height` −1: no block yet. `size` 0: no checkpoint yet. */
export type FeedPlace = { height: number; size: number }

const PLACE = /^(-1|0|[1-9]\d{0,15})\/(0|[1-9]\d{0,15})$/

export function formatPlace({ height, size }: FeedPlace): string {
  return `${height}/${size}`
}

/** The place that an id names, or null. */
export function parsePlace(id: string): FeedPlace | null {
  const [, height, size] = PLACE.exec(id) ?? []
  const place = { height: Number(height), size: Number(size) }
  return Number.isSafeInteger(place.height) && Number.isSafeInteger(place.size) ? place : null
}

/** One event of a text/event-stream; the data is one line, as JSON is. */
export function formatEvent(name: string, data: object, place: FeedPlace): string {
  return `event: ${name}\nid: ${formatPlace(place)}\ndata: ${JSON.stringify(data)}\n\n`
}
