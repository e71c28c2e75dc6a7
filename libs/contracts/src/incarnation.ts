// What the name of a producer says: `consent`, then `consent-2`, `consent-3`, … Each begins where the service's database
// was rolled back, and with the next one admitted it is closed.

export type Incarnation = { service: string; number: number }

/** The service and the number of a producer's name: 1 where the name bears none. */
export function incarnationOf(producer: string): Incarnation {
  const [, service = producer, number = '1'] = /^(.+)-([2-9]|[1-9]\d+)$/.exec(producer) ?? []
  return { service, number: Number(number) }
}

/** The producer's name of an incarnation. */
export function producerName({ service, number }: Incarnation): string {
  return number === 1 ? service : `${service}-${number}`
}

/** Those of the names that are incarnations of a service, the first one first. */
export function incarnationsAmong(names: readonly string[], service: string): string[] {
  const own = names.filter((name) => incarnationOf(name).service === service)
  return own.toSorted((a, b) => incarnationOf(a).number - incarnationOf(b).number)
}

/** The newest incarnation among `names` of the service that `producer` belongs to; itself where there is none. */
export function latestOf(producer: string, names: readonly string[]): string {
  return incarnationsAmong(names, incarnationOf(producer).service).at(-1) ?? producer
}
