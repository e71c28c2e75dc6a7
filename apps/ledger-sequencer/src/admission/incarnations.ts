// A service's incarnations as producers: `consent`, then `consent-2`, `consent-3`, … Each begins where its database was
// rolled back, and with the next one admitted it is closed.

/** The service and the number of a producer's name: 1 where the name bears none. */
export function incarnationOf(producer: string): { service: string; number: number } {
  const [, service = producer, number = '1'] = /^(.+)-([2-9]|[1-9]\d+)$/.exec(producer) ?? []
  return { service, number: Number(number) }
}

/** The newest incarnation among `names` of the service that `producer` belongs to. */
export function latestOf(producer: string, names: readonly string[]): string {
  const { service } = incarnationOf(producer)
  const own = names.map((name) => ({ name, ...incarnationOf(name) })).filter((one) => one.service === service)
  return own.toSorted((a, b) => b.number - a.number)[0]?.name ?? producer
}
